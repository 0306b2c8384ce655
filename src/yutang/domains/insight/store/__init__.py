"""What insight says to other engines: the peers that it is compared with."""
