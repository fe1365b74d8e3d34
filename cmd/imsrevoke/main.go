// Command imsrevoke withdraws image shares in bulk. See the README.
package main

import (
	"os"
)

func main() {
	os.Exit(newCLI().run(os.Args[1:]))
}
