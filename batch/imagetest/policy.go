package imagetest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// A Policy chooses the fault that a request meets. It is called once for each
// request to either API, from several goroutines at once, and may use the
// cloud's methods.
//
// The policies of this package leave alone what does not name an image, the
// Identity API among it.
type Policy func(Request) Fault

// SetFaults lets the policy choose faults for the requests to come. Nil ends
// all faults.
func (c *Cloud) SetFaults(p Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = p
}

// Always chooses f for every request.
func Always(f Fault) Policy {
	return func(r Request) Fault {
		if r.ImageID == "" {
			return Fault{}
		}
		return f
	}
}

// FirstAttempts chooses f for the first n requests with the same method, image
// and member.
func FirstAttempts(n int, f Fault) Policy {
	return func(r Request) Fault {
		if r.ImageID == "" || r.Attempt > n {
			return Fault{}
		}
		return f
	}
}

// FirstRequests chooses f for the first n requests that reach the policy.
func FirstRequests(n int, f Fault) Policy {
	var seen atomic.Int64
	return func(r Request) Fault {
		if r.ImageID == "" || seen.Add(1) > int64(n) {
			return Fault{}
		}
		return f
	}
}

// ForImage applies p to the requests for one image only.
func ForImage(imageID string, p Policy) Policy {
	return func(r Request) Fault {
		if imageKey(r.ImageID) != imageKey(imageID) {
			return Fault{}
		}
		return p(r)
	}
}

// A Chance is a fault and how likely it is, from 0 to 1.
type Chance struct {
	P     float64
	Fault Fault
}

// Mix chooses among the chances, and no fault with the probability that they
// leave over. The choice is made by a hash of the seed, the method, the image,
// the member and the attempt, so that runs with the same seed meet the same
// faults however their requests interleave.
func Mix(seed uint64, chances ...Chance) Policy {
	return func(r Request) Fault {
		if r.ImageID == "" {
			return Fault{}
		}
		x := fraction(seed, r)
		for _, chance := range chances {
			if x < chance.P {
				return chance.Fault
			}
			x -= chance.P
		}
		return Fault{}
	}
}

// fraction maps a request to a number in [0, 1).
func fraction(seed uint64, r Request) float64 {
	key := fmt.Appendf(nil, "%d %s %q %q %d", seed, r.Method, imageKey(r.ImageID), memberKey(r.MemberID), r.Attempt)
	sum := sha256.Sum256(key)
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// RateLimit lets through so many requests each second, after a burst, and
// answers the others with a gateway's 429 whose Retry-After, in whole seconds,
// is when one request more is let through.
func RateLimit(perSecond float64, burst int) Policy {
	limiter := rate.NewLimiter(rate.Limit(perSecond), burst)
	return func(r Request) Fault {
		if r.ImageID == "" {
			return Fault{}
		}
		if limiter.Allow() {
			return Fault{}
		}
		seconds := math.Ceil((1 - limiter.Tokens()) / perSecond)
		f := Gateway(http.StatusTooManyRequests, "APIGW.0308",
			fmt.Sprintf("The throttling threshold has been reached: policy user over ratelimit,limit:%g,time:1 second", perSecond))
		f.RetryAfter = strconv.Itoa(int(max(seconds, 1)))
		return f
	}
}
