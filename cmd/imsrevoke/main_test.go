package main

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write what the tests get to the files that they compare it with")

// TestMain makes the test binary serve as imsrevoke itself, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"imsrevoke": main})
}

// leakChecked fails when the tests leave goroutines behind. (goleak's own
// VerifyTestMain exits, and testscript has to clean up after the tests.)
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}
