package report

import (
	"os"
	"testing"
)

// TestMain ends what the tests have in common.
func TestMain(m *testing.M) {
	code := m.Run()
	if theBrowser.stop != nil {
		theBrowser.stop()
	}
	os.Exit(code)
}
