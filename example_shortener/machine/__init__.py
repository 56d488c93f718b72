"""What runs on this machine: the settings, each environment's releases, and the engines that run and measure them."""
