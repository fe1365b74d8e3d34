//go:build !windows

package main

// holderFile is where the holder of the lock at path says who it is.
func holderFile(path string) string { return path }
