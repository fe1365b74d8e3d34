package batch

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// A limiter limits the rate of requests with two token buckets, as a meter of network
// traffic does (RFC 2698). Each request takes a token from both. The large bucket keeps
// the rate, and lets a pool that stalled for a moment catch up. The small one spreads the
// catching up. Otherwise it would reach the server in one burst, and together with
// delayed requests, such as the first on a new connection, exceed the rate in that
// second.
type limiter struct {
	sustained, peak *rate.Limiter
	// start is when the tokens reserved for the next request become valid; zero if none
	// are reserved.
	start  time.Time
	tokens [2]rate.Reservation // the reserved ones
}

// peakFactor is how much faster than its rate a pool may be while it catches up.
const peakFactor = 1.01

// sustainedBurst is how many requests a pool at a rate can catch up with: those of a
// tenth of a second. At low rates that is only the next request.
func sustainedBurst(limit rate.Limit) int { return tokensIn(time.Second/10, limit) }

// peakBurst is how many requests may start at once at a rate: those that become due
// while a timer is late.
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

// Limit returns the rate.
func (l *limiter) Limit() rate.Limit { return l.sustained.Limit() }

// take takes the tokens for the next request. If it returns 0, the request may start;
// otherwise it returns how long to wait before the next call.
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
	// Tokens reserved at the old rate are returned, to be reserved at the new one.
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

// drain empties the buckets, which start full and fill up during a pause: otherwise the
// next second would exceed the rate. One token is left for the next request, so that it
// does not wait, unless it has reserved its own.
func (l *limiter) drain(now time.Time) {
	keep := 0
	if l.start.IsZero() {
		keep = 1
	}
	l.sustained, l.peak = drained(l.sustained, now, keep), drained(l.peak, now, keep)
}

// drained returns the bucket with at most keep tokens in it.
func drained(bucket *rate.Limiter, now time.Time, keep int) *rate.Limiter {
	if bucket.TokensAt(now) <= float64(keep) {
		return bucket
	}
	// A fraction of a token cannot be taken out, so a new bucket replaces the old one.
	full := bucket.Burst()
	bucket = rate.NewLimiter(bucket.Limit(), full)
	bucket.AllowN(now, full-keep)
	return bucket
}
