package cli

import "os"

// getenv is a variable of the environment. The files that other systems have in
// HOME are in the user's profile here.
func getenv(name string) string {
	value := os.Getenv(name)
	if name == "HOME" && value == "" {
		return os.Getenv("USERPROFILE")
	}
	return value
}
