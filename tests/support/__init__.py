"""What tests share: doubles of ports, slow references, generators."""
