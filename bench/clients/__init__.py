"""What looks at the platform from outside: request traffic, and who holds the virtual IP."""
