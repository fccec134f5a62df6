"""Where arrays of trials are trained: jobs go in, events come out."""
