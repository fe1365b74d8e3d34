package imageapi

import (
	"strings"

	"imsrevoke/batch"
)

// A verdict is what an error code says, beyond the status that it comes with.
type verdict struct {
	meaning batch.Meaning
	// hint says what to look at, when the answer is final.
	hint string
}

// verdicts are the error codes of Huawei Cloud that come with a 4xx and say
// more than it, or something else: those of IMS and those of the gateways
// before it, of which the newer ones write APIG for APIGW. All others mean what
// their status means.
//
// https://support.huaweicloud.com/intl/en-us/eu-west-0-api-ims/en-us_topic_0022473689.html
// and the error codes of Huawei Cloud's API Request Signing Guide.
var verdicts = map[string]verdict{
	// Trouble of the service, said with a 400. Where it is not said that nothing
	// was done, something may have been.
	"IMG.0060": {meaning: batch.Throttled},   // too many tasks
	"IMG.0064": {meaning: batch.Unavailable}, // IAM could not be asked
	"IMG.0065": {meaning: batch.Unavailable}, // nor about the project
	"IMG.0061": {meaning: batch.Broken},      // unknown
	"IMG.0112": {meaning: batch.Broken},      // the member could not be added
	"IMG.0113": {meaning: batch.Broken},      // the member could not be deleted

	// What is wrong with the pair.
	"IMG.0027": {meaning: batch.NoSuchImage},
	"IMG.0066": {meaning: batch.Refused}, // of the image id
	"IMG.0067": {meaning: batch.Refused}, // of the member id
	"IMG.0108": {batch.Refused, "the member is not known in this region"},

	// What these credentials may not do.
	"IMG.0047": {batch.Forbidden, "only the project that owns the image may do this"},
	"IMG.0106": {batch.Forbidden, "the image belongs to another project"},
	"IMG.0026": {batch.Forbidden, "the user lacks the role for it, or the account is not verified"},

	// The credentials themselves.
	"APIGW.0301": {meaning: batch.Unauthorized}, // a bad token, key or signature
	"APIGW.0303": {meaning: batch.Unauthorized}, // a bad signature
	"APIGW.0307": {batch.Unauthorized, "the token may be of another region"},

	// The gateway.
	"APIGW.0101": {batch.WrongEndpoint, "no API is published at this address; check --endpoint and --region"},
	"APIGW.0308": {meaning: batch.Throttled},
}

// verdict looks up the code of an answer with this status.
func (e errorText) verdict(status int) (verdict, bool) {
	if status < 400 || status > 499 {
		return verdict{}, false
	}
	code := strings.ToUpper(e.code)
	if number, ok := strings.CutPrefix(code, "APIG."); ok {
		code = "APIGW." + number
	}
	v, ok := verdicts[code]
	return v, ok
}
