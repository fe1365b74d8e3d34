//go:build linux

// Command bench measures imsrevoke against the plainest programs that do a part
// of what it does: the same pairs, the same server on loopback, the same
// workers, one after another and round after round. Only the ratios of one run
// count; `make bench` runs it.
//
// It starts itself again as the server and as the plain clients, so that each
// of them is a process of its own whose time and memory the kernel counts.
package main

import (
	"fmt"
	"os"
)

var commands = map[string]func(args []string) error{
	"compare": compare,
	"pace":    pace,
	"scale":   scale,
	"serve":   serve,
	"client":  client,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench compare|pace|scale [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}
