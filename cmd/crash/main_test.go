//go:build !windows

// Package crash kills the program, and judges what is left of its work.
package crash

import (
	"testing"

	"imsrevoke/cmd/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, nil) }
