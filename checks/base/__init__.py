"""What all checks share. A sub-package, because ReFrame would load a module of `checks/` as a test
file and run it several times under other names."""
