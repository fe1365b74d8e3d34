// Package pipeline takes random files through manifest, engine and report in
// virtual time, against a cloud with faults, and holds the report to what the cloud
// did.
package pipeline

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
