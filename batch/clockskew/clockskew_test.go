package clockskew

import (
	"net/http"
	"testing"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	const (
		expired = "Incorrect app authentication information: signature expired, signature time:20230527T000431Z,server time:20230527T020608Z"
		wrong   = "the clock of this machine is wrong: it said 2023-05-27T00:04:31Z when the server's said 2023-05-27T02:06:08Z, and signatures are good for 15 minutes: set the clock"
	)
	tests := []struct{ name, signed, date, text, want string }{
		{"the text names the server's time", "20230527T000431Z", "", expired, wrong},
		{"the Date header does", "20230527T000431Z", "Sat, 27 May 2023 02:06:08 GMT", "signature expired", wrong},
		{"the text goes before the header, which a proxy may have made", "20230527T000431Z", "Sat, 27 May 2023 00:04:31 GMT", expired, wrong},
		{"a clock that is ahead", "20230527T022109Z", "", expired,
			"the clock of this machine is wrong: it said 2023-05-27T02:21:09Z when the server's said 2023-05-27T02:06:08Z, and signatures are good for 15 minutes: set the clock"},
		{"fifteen minutes are near enough", "20230527T022108Z", "", expired, ""},
		{"the clocks agree", "20230527T000431Z", "Sat, 27 May 2023 00:04:32 GMT", "verify aksk signature fail", ""},
		{"the server does not tell", "20230527T000431Z", "", "signature expired", ""},
		{"a time that there is not", "20230527T000431Z", "", "server time:20231399T000000Z", ""},
		{"a request that is not signed", "", "Sat, 27 May 2023 02:06:08 GMT", expired, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := &http.Request{Header: http.Header{"X-Sdk-Date": {tt.signed}}}
			if got := Explain(req, http.Header{"Date": {tt.date}}, tt.text); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
