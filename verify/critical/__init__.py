"""Search for critical points, and tell minima, maxima and saddles by the Hessian's eigenvalues."""
