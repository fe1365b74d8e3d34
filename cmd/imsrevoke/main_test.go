package main

import (
	"flag"
	"testing"

	"imsrevoke/cmd/internal/programtest"
)

var update = flag.Bool("update", false, "write what the tests get to the files that they compare it with")

// TestMain makes the test binary serve as imsrevoke itself, for the scripts.
func TestMain(m *testing.M) {
	programtest.Main(m, main)
}
