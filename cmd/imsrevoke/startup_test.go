//go:build !windows

package main_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"imsrevoke/cmd/internal/programtest"
)

// TestInitAllocations holds what is done before main to the bytes that it is
// known to allocate: each start waits for it, whatever for, and bytes are the same
// on every machine. What few runs need is made when it is needed: patterns,
// templates, tables.
func TestInitAllocations(t *testing.T) {
	t.Parallel()
	const (
		mostOurs = 6_000   // in the packages of imsrevoke
		most     = 140_000 // in all packages, Go's too
	)
	cmd := exec.CommandContext(t.Context(), programtest.Build(t), "version")
	cmd.Env = []string{"GODEBUG=inittrace=1"} // and no other variable, which would take memory, too
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, trace.String())
	}
	all, ours := 0, 0
	for line := range strings.Lines(trace.String()) {
		var (
			name      string
			at, clock float64
			bytes     int
		)
		if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes", &name, &at, &clock, &bytes); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all += bytes
		if name == "main" || strings.HasPrefix(name, "imsrevoke/") {
			ours += bytes
		}
	}
	if ours > mostOurs || all > most || ours == 0 {
		t.Errorf("%d bytes, %d of them in the packages of imsrevoke; at most %d and %d are allowed:\n%s", all, ours, most, mostOurs, trace.String())
	}
}
