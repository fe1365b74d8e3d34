package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
)

// A Rate is requests a second, or [batch.Unlimited].
type Rate float64

func (r Rate) String() string {
	switch perSecond := float64(r); {
	case perSecond == batch.Unlimited:
		return "unlimited"
	case perSecond >= 1:
		return strconv.FormatFloat(perSecond, 'g', 6, 64) + "/s"
	default:
		return strconv.FormatFloat(perSecond*60, 'g', 6, 64) + "/m"
	}
}

// Time is how long so many requests take, in words, to two figures or so.
func (r Rate) Time(requests int) string {
	d := time.Duration(float64(requests) / float64(r) * float64(time.Second))
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d.Round(24*time.Hour)/(24*time.Hour))
	case d >= time.Hour:
		d = d.Round(time.Minute)
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	case d >= 10*time.Minute:
		return two(int(d.Round(time.Minute)/time.Minute), "min", 0, "")
	case d >= time.Minute:
		d = d.Round(time.Second)
		return two(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	}
	return fmt.Sprintf("%d s", max(1, d.Round(time.Second)/time.Second))
}

// two is a number of units, and of smaller ones unless there are none.
func two(n int, unit string, m int, smaller string) string {
	if m == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, m, smaller)
}

// Count is a number of things that may be a lower bound.
func Count(c manifest.Count, what string) string {
	if c.AtLeast {
		return "more than " + Plural(c.N, what)
	}
	return Plural(c.N, what)
}

// Plural is a number of things, with the digits in groups of three.
func Plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return Number(n) + " " + what
}

// Number is a number with the digits in groups of three.
func Number(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Duration is a duration without the digits that do not matter.
func Duration(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// figures is a number with no more digits than matter.
func figures(x float64) string {
	if x >= 100 {
		return Number(int(x + 0.5))
	}
	return fmt.Sprintf("%.3g", x)
}

// OrNone is a text, or "none" for an empty one.
func OrNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
