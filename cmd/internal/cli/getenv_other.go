//go:build !windows

package cli

import "os"

// getenv is a variable of the environment.
func getenv(name string) string { return os.Getenv(name) }
