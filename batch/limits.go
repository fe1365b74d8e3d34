package batch

import (
	"fmt"
	"strconv"
	"strings"
)

// An Allowance limits how many rows may fail: a number of rows, or a percentage of
// the finished ones. The zero value allows any number.
type Allowance struct {
	rows    int
	percent float64
	set     bool
}

// PercentFrom is the number of finished rows from which a percentage counts: one
// failure in three rows means nothing.
const PercentFrom = 50

// ParseAllowance reads "20%", "100" or "none".
func ParseAllowance(s string) (Allowance, error) {
	text := strings.TrimSpace(s)
	if text == "none" {
		return Allowance{}, nil
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return Allowance{}, fmt.Errorf("%q is not a percentage from 0%% to 100%%", s)
		}
		return Allowance{percent: percent, rows: -1, set: true}, nil
	}
	rows, err := strconv.Atoi(text)
	if err != nil || rows < 0 {
		return Allowance{}, fmt.Errorf("%q is neither a number of rows, such as 100, nor a percentage, such as 20%%, nor none", s)
	}
	return Allowance{rows: rows, set: true}, nil
}

// String is the form that ParseAllowance reads.
func (a Allowance) String() string {
	switch {
	case !a.set:
		return "none"
	case a.rows < 0:
		return strconv.FormatFloat(a.percent, 'f', -1, 64) + "%"
	}
	return strconv.Itoa(a.rows)
}

// exceeded reports whether failed of finished rows are more than allowed.
func (a Allowance) exceeded(failed, finished int) bool {
	switch {
	case !a.set:
		return false
	case a.rows < 0:
		return finished >= PercentFrom && float64(failed)*100 > a.percent*float64(finished)
	}
	return failed > a.rows
}

// limits decides by the results of the rows that were sent when to stop the run.
type limits struct {
	allowance        Allowance
	finished, failed int

	// mixed is set once rows have ended in different ways. Until then refusal is how
	// all of them ended, and images are their images.
	mixed   bool
	refusal refusal
	images  map[string]struct{}
}

// A refusal is how a row was refused.
type refusal struct {
	outcome Outcome
	status  int
}

// sameRefusalImages is the number of images whose rows must all end in the same
// refusal before the run is stopped. Many rows of one image prove nothing about
// other images.
const sameRefusalImages = 5

// count counts a result. It returns an error that wraps [ErrSameRefusal] or
// [ErrTooManyFailures] when the run should stop.
func (l *limits) count(r *Result) error {
	l.finished++
	if !r.Outcome.Settled() {
		l.failed++
	}
	if l.allRefused(r) {
		return fmt.Errorf("%w: all %d rows so far, of %d images, ended as %s%s: %s; %s",
			ErrSameRefusal, l.finished, len(l.images), r.Outcome, statusNote(r.Status), strings.TrimSuffix(r.Message, "."), usualCause(r.Outcome))
	}
	if l.allowance.exceeded(l.failed, l.finished) {
		return fmt.Errorf("%w: %d of %d rows failed; the limit is %v", ErrTooManyFailures, l.failed, l.finished, l.allowance)
	}
	return nil
}

// allRefused reports whether every row so far, including r, ended in the same refusal,
// over enough images.
func (l *limits) allRefused(r *Result) bool {
	if l.mixed {
		return false
	}
	is := refusal{r.Outcome, r.Status}
	switch r.Outcome {
	case NotFound, Denied, Rejected:
		l.mixed = l.finished > 1 && is != l.refusal
	default:
		l.mixed = true
	}
	if l.mixed {
		l.images = nil
		return false
	}
	l.refusal = is
	if l.images == nil {
		l.images = make(map[string]struct{}, sameRefusalImages)
	}
	l.images[r.Row.Pair.ImageID] = struct{}{}
	return len(l.images) >= sameRefusalImages
}

func statusNote(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d)", status)
}

// usualCause is the usual reason for the same refusal of every row.
func usualCause(o Outcome) string {
	switch o {
	case NotFound:
		return "usually the credentials are for another project or region, lack the role reader or the access rule for member lists, or the endpoint is wrong"
	case Denied:
		return "usually the credentials are for a project that does not own the images, or lack the role for this"
	default:
		return "check that the endpoint is an Image API and that the file lists its images"
	}
}
