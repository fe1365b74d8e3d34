// Package resilience runs the program under bad networks, disks, servers, files
// and other users.
package resilience

import (
	"testing"

	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, cli.Main) }
