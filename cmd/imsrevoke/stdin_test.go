package main

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
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
		"a file":                {input: "../../samples/pairs.csv"},
		"silent standard input": {input: "-", late: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			interrupt := func() { cancel(interrupted{syscall.SIGINT}) }
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
			_, err := openManifest(ctx, &Environment{Console: &Console{Stdin: silent}}, c.input, &o)
			if !errors.As(err, new(interrupted)) || exitCode(err, false) != 130 {
				t.Errorf("exit code %d: %v", exitCode(err, false), err)
			}
		})
	}
}
