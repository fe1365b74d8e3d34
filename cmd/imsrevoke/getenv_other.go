//go:build !windows

package main

import "os"

// getenv is a variable of the environment.
func getenv(name string) string { return os.Getenv(name) }
