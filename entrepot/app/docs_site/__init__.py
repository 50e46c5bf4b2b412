"""A project as a site of plain pages: what there is, what is promised, how it stands. Definitions and counts; never a row's value."""
