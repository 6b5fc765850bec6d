"""One layer as it is measured: a map of one size, in or against whose gradient it is differentiated."""
