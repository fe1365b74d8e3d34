// Package clockskew recognises a signed request that was refused because the
// clocks of the two sides differ too much.
package clockskew

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// Layout is the form of a time in X-Sdk-Date, with which requests to Huawei
// Cloud are signed, and in the errors of its gateways. It is in UTC.
const Layout = "20060102T150405Z"

// most is how far X-Sdk-Date may be from the clock of Huawei Cloud's gateways.
// https://support.huaweicloud.com/intl/zh-cn/my-kualalumpur-1-usermanual-apig/apig-faq-0009.html
const most = 15 * time.Minute

var serverTime = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`server time:? ?([0-9]{8}T[0-9]{6}Z)`) })

// Explain says that the clocks are to blame when that can be told: the request
// was signed at a time that is more than 15 minutes from the server's, which
// the text of the refusal names, or else its Date header. Otherwise it returns
// the empty string.
func Explain(req *http.Request, refusal http.Header, text string) string {
	signed, err := time.Parse(Layout, req.Header.Get("X-Sdk-Date"))
	if err != nil {
		return ""
	}
	var server time.Time
	if said := serverTime().FindStringSubmatch(text); said != nil {
		server, err = time.Parse(Layout, said[1])
	} else {
		server, err = http.ParseTime(refusal.Get("Date"))
	}
	if err != nil || server.Sub(signed).Abs() <= most {
		return ""
	}
	return fmt.Sprintf("the clock of this machine is wrong: it said %s when the server's said %s, and signatures are good for %d minutes: set the clock",
		signed.Format(time.RFC3339), server.UTC().Format(time.RFC3339), most/time.Minute)
}
