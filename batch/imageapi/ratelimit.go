package imageapi

import (
	"regexp"
	"strconv"
	"sync"
)

// overLimit is how the gateways of Huawei Cloud name the limit that was passed:
// "policy user over ratelimit,limit:200,time:5 minute".
var overLimit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`policy (?:user|api|ip|app) over ratelimit, ?limit:([0-9]{1,9}), ?time:([0-9]{1,9}) ?(second|minute|hour|day)`)
})

// limitOf is the limit that a message names, in requests a second; 0 when it
// names none.
func limitOf(message string) float64 {
	said := overLimit().FindStringSubmatch(message)
	if said == nil {
		return 0
	}
	seconds := map[string]float64{"second": 1, "minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}[said[3]]
	requests, err := strconv.Atoi(said[1])
	times, e := strconv.Atoi(said[2])
	if err != nil || e != nil || times == 0 {
		return 0
	}
	return float64(requests) / (float64(times) * seconds)
}
