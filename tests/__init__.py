"""Stories across modules, proofs of the checks, snapshots; a module's own tests lie in the module."""
