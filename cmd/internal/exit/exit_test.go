package exit

import (
	"errors"
	"testing"

	"imsrevoke/batch"
)

// TestAnUnknownErrorPromisesTheLeast: what nobody has classified is no proof
// that nothing was sent, once something can have been.
func TestAnUnknownErrorPromisesTheLeast(t *testing.T) {
	t.Parallel()
	unknown := errors.New("unknown")
	if code := Code(unknown, false); code != Usage {
		t.Errorf("before anything is sent: exit code %d", code)
	}
	if code := Code(unknown, true); code != Record {
		t.Errorf("afterwards: exit code %d", code)
	}
	for code, err := range map[int]error{Unsettled: ErrUnsettled, Locked: ErrLocked, Stopped: batch.ErrOutage, Usage: batch.ErrMisconfigured} {
		if got := Code(err, true); got != code {
			t.Errorf("%v: exit code %d", err, got)
		}
	}
}
