"""Large Hessians: their index from products alone, and inertia theorems where a structure is known."""
