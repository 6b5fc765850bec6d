"""Networks with weights and inputs that are the same in torch and in JAX. No framework is imported, nor numpy."""

OPTION = "weights"
SEEDED = "seeded"
