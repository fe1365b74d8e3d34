package imageapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
)

type issued struct{ token string }

func (k issued) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", k.token)
	return 1, nil
}
func (k issued) Renew(context.Context, uint64) error { return ErrRefused }
func (k issued) Accepted(uint64)                     {}

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
	got, a := newClient(t, "http://glance.example", &keys{}, says(plain("200 OK", "application/json", fmt.Sprintf(`{"members":[{"image_id":%q},{"image_id":%q}]}`, image, image)))).Members(t.Context(), image)
	if a.Meaning == batch.Listed && got.Complete {
		t.Errorf("%+v is taken for a complete list", got)
	}
}

func TestAFirstPageIsNotComplete(t *testing.T) {
	got, a := newClient(t, "http://glance.example", &keys{}, says(plain("200 OK", "application/json",
		fmt.Sprintf(`{"members":[{"image_id":%q,"member_id":"a"},{"image_id":%q,"member_id":"b"}],"next":"/v2/images/x/members?marker=b"}`, image, image)))).Members(t.Context(), image)
	if a.Meaning == batch.Listed && got.Complete {
		t.Errorf("%+v is taken for a complete list, though it names a next page", got)
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
