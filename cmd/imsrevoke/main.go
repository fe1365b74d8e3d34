// Command imsrevoke revokes image shares in bulk. See the README.
package main

import (
	"io"
	"log"
	"os"
)

func main() {
	// Only net/http writes there, of what servers send unasked.
	log.SetOutput(io.Discard)
	os.Exit(newCLI().run(os.Args[1:]))
}
