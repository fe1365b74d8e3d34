//go:build !windows

// Package crash kills the program, and judges what is left of its work.
package crash

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
