package imageapi

import (
	"math"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// overLimit is how the gateways of Huawei Cloud name the limit that was passed:
// "policy user over ratelimit,limit:200,time:5 minute".
var overLimit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`policy (?:user|api|ip|app) over ratelimit, ?limit:([0-9]{1,9}), ?time:([0-9]{1,9}) ?(second|minute|hour|day)`)
})

// limitOf is the limit that a message names, in requests a second, and the time
// over which the requests are counted; 0 when it names none.
func limitOf(message string) (perSecond float64, window time.Duration) {
	said := overLimit().FindStringSubmatch(message)
	if said == nil {
		return 0, 0
	}
	unit := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[said[3]]
	requests, err := strconv.Atoi(said[1])
	times, e := strconv.Atoi(said[2])
	if err != nil || e != nil || times == 0 {
		return 0, 0
	}
	window = time.Duration(min(float64(times)*float64(unit), math.MaxInt64/2))
	return float64(requests) / (float64(times) * unit.Seconds()), window
}
