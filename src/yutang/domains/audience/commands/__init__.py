"""The audience on the command line, by what is asked. `every` gathers it all."""
