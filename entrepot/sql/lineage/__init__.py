"""Column lineage: from a SELECT and the columns of its inputs to where each output column comes from. Text in, values out."""
