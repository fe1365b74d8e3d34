package imageapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch"
)

type issued struct{ token string }

func (k issued) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", k.token)
	return 1, nil
}
func (k issued) Renew(context.Context, uint64, string) error { return batch.ErrUnauthorized }
func (k issued) Accepted(uint64, string)                     {}

// With secure RBAC a project that is itself a member of the image is told
// "not found in the member list" of everybody else.
func TestTheStatusLineIsCleanedToo(t *testing.T) {
	for _, status := range []string{"200", "302"} {
		got := newClient(t, "http://glance.example", &keys{}, says("HTTP/1.1 "+status+" \x1b[31m"+strings.Repeat("x", 5000)+"\r\nContent-Length: 0\r\n\r\n")).Remove(t.Context(), pair)
		if len([]rune(got.Message)) > maxMessage+1 || strings.Contains(got.Message, "\x1b") {
			t.Errorf("%s: message of %d characters: %.60q", status, len(got.Message), got.Message)
		}
	}
}

func TestMessagesStayWithinTheBound(t *testing.T) {
	got := newClient(t, "http://glance.example", &keys{}, says(plain("500 x", "application/json", `{"error_code":"APIGW.0308","error_msg":"`+strings.Repeat("x", 5000)+`"}`))).Remove(t.Context(), pair)
	if n := len([]rune(got.Message)); n > maxMessage+1 {
		t.Errorf("%d characters", n)
	}
}

func TestAListThatLacksIDsIsNoList(t *testing.T) {
	got, a := newClient(t, "http://glance.example", &keys{}, says(plain("200 OK", "application/json", fmt.Sprintf(`{"members":[{"image_id":%q},{"image_id":%q}]}`, image, image)))).Members(t.Context(), image, "")
	if a.Meaning == batch.Listed {
		t.Errorf("%+v is taken for a list", got)
	}
}

func TestAPageSaysThatTheListGoesOn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, rest string
		next       []batch.Cursor
		gap        string
	}{
		{"Glance's whole list", ``, nil, ""},
		{"no page_info", `,"page_info":null`, nil, ""},
		{"the last page", `,"page_info":{"next_marker":null,"current_count":2}`, nil, ""},
		{"the last page with an empty marker", `,"page_info":{"next_marker":"","current_count":2}`, nil, ""},
		{"a marker", `,"page_info":{"next_marker":"b","current_count":2}`, []batch.Cursor{"marker=b", "marker=Yg%3D%3D"}, ""},
		{"an opaque marker", `,"page_info":{"next_marker":"a+b/c=="}`, []batch.Cursor{"marker=a%2Bb%2Fc%3D%3D", "marker=YStiL2M9PQ%3D%3D"}, ""},
		{"a marker that would be something else", `,"page_info":{"next_marker":"b&limit=1#x"}`, []batch.Cursor{"marker=b%26limit%3D1%23x", "marker=YiZsaW1pdD0xI3g%3D"}, ""},
		{"a next page elsewhere", `,"next":"https://elsewhere.example/v2/images/x?marker=b&limit=2"`, []batch.Cursor{"marker=b", "marker=Yg%3D%3D"}, ""},
		{"a next page without a marker", `,"next":"/v2/images/x/members?page=2"`, nil, "has no marker"},
		{"a marker without an end", `,"page_info":{"next_marker":"` + strings.Repeat("x", maxMarker+1) + `"}`, nil, "4097 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"members":[{"image_id":%q,"member_id":"a"},{"image_id":%q,"member_id":"b","member_type":"domain"}]%s}`, image, image, tt.rest)
			got, a := newClient(t, "http://glance.example", &keys{}, says(plain("200 OK", "application/json", body))).Members(t.Context(), image, "")
			if a.Meaning != batch.Listed || !slices.Equal(got.Next, tt.next) || !strings.Contains(got.Gap, tt.gap) || (got.Gap == "") != (tt.gap == "") {
				t.Errorf("got %+v, %+v; want next %q, gap %q", got, a, tt.next, tt.gap)
			}
			if want := []batch.Member{{ID: "a"}, {ID: "b", Type: batch.Account}}; !slices.Equal(got.Members, want) {
				t.Errorf("members %+v; want %+v", got.Members, want)
			}
		})
	}
}

func TestATokenInJSONEscapesIsRedacted(t *testing.T) {
	const secret = "MIIYJwYJKoZIhvcNAQcCoIIYGDCCGBQCAQExDTALBglghkgBZQME=="
	// Gson, which many Java gateways use, writes "=" as \u003d.
	body := `{"error_msg":"Incorrect token: ` + strings.ReplaceAll(secret, "=", `\u003d`) + `","error_code":"APIGW.0307"}`
	c := newClient(t, "http://glance.example", issued{secret}, says(plain("403 Forbidden", "application/json", body)))
	if got := c.Remove(t.Context(), pair); strings.Contains(got.Message, secret[:40]) {
		t.Errorf("the token is in the message: %q", got.Message)
	}
}

func TestLongMemberIDsAreRecognised(t *testing.T) {
	p := batch.Pair{ImageID: image, MemberID: strings.Repeat("m", 255)}
	got := newClient(t, "http://glance.example", &keys{}, says(glance("404 Not Found", p.MemberID+" not found in the member list of the image "+image+"."))).Remove(t.Context(), p)
	if got.Meaning != batch.NotAMember {
		t.Errorf("meaning %d, %q", got.Meaning, got.Message)
	}
}

func TestOnlyTheNamedMemberCounts(t *testing.T) {
	got := newClient(t, "http://glance.example", &keys{}, says(glance("404 Not Found", "x"+member+" not found in the member list of the image "+image+"."))).Remove(t.Context(), pair)
	if got.Meaning == batch.NotAMember {
		t.Errorf("a text about x%s is taken for one about %s", member, member)
	}
}
