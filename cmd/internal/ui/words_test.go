package ui

import (
	"testing"
	"time"
)

func TestNumbersForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 999: "999 rows", 1000: "1,000 rows", 1234567: "1,234,567 rows"} {
		if got := Plural(n, "row"); got != want {
			t.Errorf("Plural(%d) = %s; want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		3 * time.Millisecond:                          "3ms",
		1234 * time.Millisecond:                       "1.2s",
		59*time.Second + 700*time.Millisecond:         "1m0s",
		2*time.Hour + 31*time.Minute + 12*time.Second: "2h31m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Roughly(%v) = %s; want %s", d, got, want)
		}
	}
	for x, want := range map[float64]string{0.123456: "0.123", 3.0049: "3", 99.94: "99.9", 1820.4: "1,820"} {
		if got := figures(x); got != want {
			t.Errorf("figures(%v) = %s; want %s", x, got, want)
		}
	}
}

func TestTimeInWords(t *testing.T) {
	t.Parallel()
	for requests, want := range map[int]string{
		1: "1 s", 100: "33 s", 180: "1 min", 200: "1 min 7 s", 1799: "10 min", 10_000: "56 min",
		21_600: "2 h", 22_000: "2 h 2 min", 1_000_000: "4 days",
	} {
		if got := Rate(3).Time(requests); got != want {
			t.Errorf("%d at 3/s: %q, want %q", requests, got, want)
		}
	}
}
