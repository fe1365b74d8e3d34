package job

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
)

// TestInterruptWhileReading: an interrupt is one whatever is being read, and
// input that never comes does not hold it up.
func TestInterruptWhileReading(t *testing.T) {
	t.Parallel()
	silent, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	for name, c := range map[string]struct {
		input string
		late  bool
	}{
		"a file":                {input: "../../../samples/pairs.csv"},
		"silent standard input": {input: "-", late: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			interrupt := func() { cancel(exit.Interrupted{Signal: syscall.SIGINT}) }
			if c.late { // once it has begun to read
				go func() {
					if _, err := w.Write([]byte("image_id,member_id\n")); err == nil {
						interrupt()
					}
				}()
			} else {
				interrupt()
			}
			o := DefaultOptions()
			_, err := openInput(ctx, &Environment{Console: &ui.Console{Stdin: silent}}, c.input, &o, check, nil)
			if !errors.As(err, new(exit.Interrupted)) || exit.Code(err, false) != 130 {
				t.Errorf("exit code %d: %v", exit.Code(err, false), err)
			}
		})
	}
}
