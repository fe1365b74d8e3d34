package main

// holderFile is where the holder of the lock at path says who it is. A file that
// is locked cannot be read here.
func holderFile(path string) string { return path + ".holder" }
