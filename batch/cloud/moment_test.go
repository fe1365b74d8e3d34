package cloud

import (
	"encoding/json"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 4, 9, 5, 22, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2030-01-04T09:05:22Z"`:        at,
		`"2030-01-04T09:05:22.000000Z"`: at,
		`"2030-01-04T10:05:22+01:00"`:   at,
		`"2030-01-04T09:05:22"`:         at,
		`"2030-01-04 09:05:22"`:         at,
		`"2030-01-04T09:05:22.000"`:     at,
		`"soon"`:                        {},
		`null`:                          {},
		`7`:                             {},
	} {
		var got moment
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v (%v), want %v", text, got.Time, err, want)
		}
	}
}
