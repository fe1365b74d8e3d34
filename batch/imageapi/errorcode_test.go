package imageapi

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// gateway is an error of Huawei Cloud's API gateway.
func gateway(status, code, message string) string {
	return plain(status, "application/json", fmt.Sprintf(`{"error_msg":%q,"error_code":%q,"request_id":"8080"}`, message, code))
}

// ims is an error of Huawei Cloud's image service.
func ims(status, code, message string) string {
	return plain(status, "application/json", fmt.Sprintf(`{"error":{"message":%q,"code":%q}}`, message, code))
}

func TestTheErrorCodesOfHuaweiCloud(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, response string
		meaning        batch.Meaning
		message        string
	}{
		{"too many tasks, in a 400", ims("400 Bad Request", "IMG.0060", "The number of tasks exceeds the flow control limit."), batch.Throttled, "IMG.0060: The number of tasks"},
		{"an unknown error, in a 400", ims("400 Bad Request", "IMG.0061", "Unknown error."), batch.Broken, "IMG.0061"},
		{"IAM does not answer the service", ims("400 Bad Request", "IMG.0064", "x"), batch.Unavailable, "IMG.0064"},
		{"nor about the project", ims("400 Bad Request", "IMG.0065", "x"), batch.Unavailable, "IMG.0065"},
		{"the service has failed to do it", ims("400 Bad Request", "IMG.0113", "Failed to delete the tenant."), batch.Broken, "IMG.0113"},
		{"no such image", ims("400 Bad Request", "IMG.0027", "The image ID does not exist."), batch.NoSuchImage, "IMG.0027"},
		{"a wrong image id", ims("400 Bad Request", "IMG.0066", "The image ID is incorrect."), batch.Refused, "IMG.0066"},
		{"a wrong member id", ims("400 Bad Request", "IMG.0067", "The project ID is incorrect."), batch.Refused, "IMG.0067"},
		{"a member of another region", ims("400 Bad Request", "IMG.0108", "x"), batch.Refused, "not known in this region"},
		{"not the owner", ims("400 Bad Request", "IMG.0047", "x"), batch.Forbidden, "only the project that owns the image"},
		{"the owner is another", ims("400 Bad Request", "IMG.0106", "x"), batch.Forbidden, "belongs to another project"},
		{"no role", ims("400 Bad Request", "IMG.0026", "x"), batch.Forbidden, "lacks the role"},
		{"no role, with the other status", ims("403 Forbidden", "IMG.0026", "x"), batch.Forbidden, "lacks the role"},
		{"another code of the service", ims("400 Bad Request", "IMG.0024", "The imagetype is invalid."), batch.Refused, "IMG.0024: The imagetype is invalid."},
		{"a wrong path", gateway("404 Not Found", "APIGW.0101", "The API does not exist"), batch.WrongEndpoint, "check --endpoint and --region"},
		{"a wrong path at a newer gateway", gateway("404 Not Found", "APIG.0101", "The API does not exist"), batch.WrongEndpoint, "APIG.0101: The API does not exist; no API"},
		{"throttled by a newer gateway", gateway("429 Too Many Requests", "APIG.0308", "x"), batch.Throttled, "APIG.0308"},
		{"throttled with another status", gateway("403 Forbidden", "APIGW.0308", "x"), batch.Throttled, "APIGW.0308"},
		{"another user", gateway("403 Forbidden", "APIGW.0302", "The app is not allowed"), batch.Forbidden, "APIGW.0302"},
		{"a code says nothing of a 5xx", ims("500 Internal Server Error", "IMG.0027", "x"), batch.Broken, "IMG.0027"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, "http://ims.example", &keys{}, says(tt.response))
			_, read := c.Members(t.Context(), image, "")
			for what, got := range map[string]batch.Answer{"DELETE": c.Remove(t.Context(), pair), "GET": read} {
				if got.Meaning != tt.meaning || !strings.Contains(got.Message, tt.message) {
					t.Errorf("%s: meaning %d, %q; want %d, %q", what, got.Meaning, got.Message, tt.meaning, tt.message)
				}
			}
		})
	}
}

func TestACredentialThatTheGatewayRefuses(t *testing.T) {
	t.Parallel()
	refused := fmt.Errorf("%w: get another one", batch.ErrUnauthorized)
	tests := []struct {
		name, response string
		renewal        error
		meaning        batch.Meaning
		message        string
	}{
		{"a token that has ended is renewed", gateway("401 Unauthorized", "APIGW.0307", "The token must be updated"), nil, batch.Renewed, "APIGW.0307: The token must be updated"},
		{"one that was renewed may be of another region", gateway("401 Unauthorized", "APIGW.0307", "The token must be updated"), refused, batch.Unauthorized,
			"APIGW.0307: The token must be updated; the token may be of another region; the credentials are refused: get another one"},
		{"a wrong signature", gateway("401 Unauthorized", "APIG.0301", "verify aksk signature fail"), refused, batch.Unauthorized,
			"APIG.0301: verify aksk signature fail; the credentials are refused: get another one"},
		{"a 401 without a code", glance("401 Unauthorized", "No."), refused, batch.Unauthorized, "No; the credentials are refused: get another one"},
		{"a gateway that repeats the request", gateway("401 Unauthorized", "APIG.0301", "verify signature fail, canonicalRequest:"+strings.Repeat("x", 1000)), refused, batch.Unauthorized,
			"APIG.0301: verify signature fail, canonicalRequest:" + strings.Repeat("x", 49) + "…; the credentials are refused: get another one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, "http://ims.example", &keys{err: tt.renewal}, says(tt.response)).Remove(t.Context(), pair)
			if got.Meaning != tt.meaning || got.Message != tt.message {
				t.Errorf("meaning %d, %q; want %d, %q", got.Meaning, got.Message, tt.meaning, tt.message)
			}
		})
	}
}

// signer signs all requests at one time.
type signer struct {
	keys
	at string
}

func (s *signer) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Sdk-Date", s.at)
	return 1, nil
}

func TestAClockThatIsWrongIsNamedAndNothingIsRenewed(t *testing.T) {
	t.Parallel()
	s := &signer{at: "20230527T000431Z"}
	text := "Incorrect app authentication information: signature expired, signature time:20230527T000431Z,server time:20230527T020608Z"
	for name, response := range map[string]string{
		"by the text": gateway("401 Unauthorized", "APIG.0303", text),
		"by the Date": plain("401 Unauthorized", "text/plain", "no", "Date: Sat, 27 May 2023 02:06:08 GMT"),
	} {
		got := newClient(t, "http://ims.example", s, says(response)).Remove(t.Context(), pair)
		if got.Meaning != batch.Unauthorized || s.renewed != 0 {
			t.Errorf("%s: meaning %d after %d renewals; want it to be final", name, got.Meaning, s.renewed)
		}
		for _, part := range []string{"the clock of this machine is wrong", "2023-05-27T00:04:31Z", "2023-05-27T02:06:08Z"} {
			if !strings.Contains(got.Message, part) {
				t.Errorf("%s: %q does not hold %q", name, got.Message, part)
			}
		}
	}
	// A clock that differs is no reason when the answer is something else.
	got := newClient(t, "http://ims.example", s, says(plain("403 Forbidden", "text/plain", "no", "Date: Sat, 27 May 2023 02:06:08 GMT"))).Remove(t.Context(), pair)
	if got.Meaning != batch.Forbidden {
		t.Errorf("a 403 means %d", got.Meaning)
	}
}

func TestALimitIsReadFromTheText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, response string
		limit          float64
	}{
		{"per minutes", gateway("429 Too Many Requests", "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute"), 200.0 / 300},
		{"per minute", gateway("429 Too Many Requests", "APIGW.0308", "policy api over ratelimit,limit:2000,time:1 minute"), 2000.0 / 60},
		{"per seconds", gateway("429 Too Many Requests", "APIG.0308", "policy ip over ratelimit,limit:5,time:5 second"), 1},
		{"per hour", gateway("429 Too Many Requests", "APIGW.0308", "policy app over ratelimit,limit:3600,time:1 hour"), 1},
		{"per day", gateway("429 Too Many Requests", "APIGW.0308", "policy user over ratelimit,limit:86400,time:2 day"), 0.5},
		{"per no time", gateway("429 Too Many Requests", "APIGW.0308", "policy user over ratelimit,limit:5,time:0 second"), 0},
		{"another policy", gateway("429 Too Many Requests", "APIGW.0308", "policy moon over ratelimit,limit:5,time:5 second"), 0},
		{"without a time", gateway("429 Too Many Requests", "APIGW.0308", "policy user over ratelimit,limit:10"), 0},
		{"a number too long for one", gateway("429 Too Many Requests", "APIGW.0308", "policy user over ratelimit,limit:99999999999999999999,time:1 second"), 0},
		{"none", plain("429 Too Many Requests", "text/plain", "slow down"), 0},
		{"in what is no throttling", gateway("403 Forbidden", "APIGW.0302", "policy user over ratelimit,limit:200,time:5 minute"), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := newClient(t, "http://ims.example", &keys{}, says(tt.response)).Remove(t.Context(), pair)
			if math.Abs(got.Limit-tt.limit) > 1e-9 {
				t.Errorf("limit %v a second, want %v", got.Limit, tt.limit)
			}
		})
	}
}
