"""Outside systems of the examples, simulated: what they would send is a pure function of a seed."""
