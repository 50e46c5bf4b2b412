"""What there is and how it hangs together: the lineage of all datasets as a value, and its picture."""
