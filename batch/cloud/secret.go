package cloud

import (
	"fmt"
	"log/slog"

	"imsrevoke/batch/redact"
)

const redacted = redact.Mark

// A Secret is a string that does not show itself when it is printed, logged or
// marshalled. Convert it to a string where its value is needed.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return redacted }

// Format prints a placeholder whatever the verb is: fmt shows the value of a
// Stringer to verbs that do not suit a string.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
