package batch

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// A limiter holds requests to a rate with two token buckets, of which each
// request takes a token, as a meter of network traffic does (RFC 2698). The
// large one keeps to the rate; it lets a pool that could not send for a moment,
// because it had stalled or was being opened, make up for that. The small one
// spreads what is made up: it would come to the server in one rush, and together
// with what is late on its way, as the first request on a new connection is, be
// more than the rate allows in that second.
type limiter struct {
	sustained, peak *rate.Limiter
	// start is when the tokens that were taken for the next request are good;
	// zero when none were taken.
	start  time.Time
	tokens [2]rate.Reservation // that start is of
}

// peakFactor is how much faster than its rate a pool may go for as long as it
// has something to make up for.
const peakFactor = 1.01

// sustainedBurst is how much a pool at a rate can make up for: a tenth of a
// second. At rates that a timer can hold there is nothing but the next request.
func sustainedBurst(limit rate.Limit) int { return tokensIn(time.Second/10, limit) }

// peakBurst is how many requests may start at once at a rate: as many as become
// due while a timer is late.
func peakBurst(limit rate.Limit) int { return tokensIn(time.Second/200, limit) }

func tokensIn(d time.Duration, limit rate.Limit) int {
	if limit == rate.Inf {
		return 1
	}
	return max(1, int(min(float64(limit)*d.Seconds(), math.MaxInt32)))
}

func peakLimit(limit rate.Limit) rate.Limit {
	if limit == rate.Inf {
		return limit
	}
	return limit * peakFactor
}

func newLimiter(now time.Time, limit rate.Limit) *limiter {
	l := &limiter{
		sustained: rate.NewLimiter(limit, sustainedBurst(limit)),
		peak:      rate.NewLimiter(peakLimit(limit), peakBurst(limit)),
	}
	l.drain(now)
	return l
}

// Limit is the rate.
func (l *limiter) Limit() rate.Limit { return l.sustained.Limit() }

// take takes the tokens for the next request. When it returns 0 the request may
// start; otherwise that is how long to wait before asking again.
func (l *limiter) take(now time.Time) time.Duration {
	if l.start.IsZero() {
		l.tokens = [2]rate.Reservation{*l.sustained.ReserveN(now, 1), *l.peak.ReserveN(now, 1)}
		l.start = now.Add(max(l.tokens[0].DelayFrom(now), l.tokens[1].DelayFrom(now)))
	}
	if wait := l.start.Sub(now); wait > 0 {
		return wait
	}
	l.start = time.Time{}
	return 0
}

// setLimit changes the rate.
func (l *limiter) setLimit(now time.Time, limit rate.Limit) {
	// A token that was taken at the old rate stays where it is. It is given
	// back, to be taken at the new one.
	if l.start.After(now) {
		l.tokens[0].CancelAt(now)
		l.tokens[1].CancelAt(now)
		l.start = time.Time{}
	}
	l.sustained.SetLimitAt(now, limit)
	l.sustained.SetBurstAt(now, sustainedBurst(limit))
	l.peak.SetLimitAt(now, peakLimit(limit))
	l.peak.SetBurstAt(now, peakBurst(limit))
}

// drain takes out what has gathered in the buckets, which start full and fill
// up in a pause: it would let the second after it run over. A token is left for
// the next request, unless that has taken its own, so that it does not wait.
func (l *limiter) drain(now time.Time) {
	keep := 0
	if l.start.IsZero() {
		keep = 1
	}
	l.sustained, l.peak = drained(l.sustained, now, keep), drained(l.peak, now, keep)
}

// drained is the bucket with no more than keep tokens in it.
func drained(bucket *rate.Limiter, now time.Time, keep int) *rate.Limiter {
	if bucket.TokensAt(now) <= float64(keep) {
		return bucket
	}
	// A fraction of a token can only be left behind.
	full := bucket.Burst()
	bucket = rate.NewLimiter(bucket.Limit(), full)
	bucket.AllowN(now, full-keep)
	return bucket
}
