package targettest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// secret is the one that a call is about.
func (c *Cloud) secret(r *http.Request) (*Secret, error) {
	var input struct{ SecretId string }
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return nil, err
	}
	for _, s := range c.Secrets {
		if input.SecretId == s.Name || input.SecretId == s.ARN() {
			return s, nil
		}
	}
	return nil, refusal{"ResourceNotFoundException", "Secrets Manager can't find the specified secret."}
}

func (c *Cloud) describeSecret(w http.ResponseWriter, r *http.Request) error {
	s, err := c.secret(r)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(s.described())
}

func (c *Cloud) getSecretValue(w http.ResponseWriter, r *http.Request) error {
	s, err := c.secret(r)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]any{"ARN": s.ARN(), "Name": s.Name, "SecretString": s.Value})
}

// listSecrets knows the filter by the value of a tag. Like that of AWS it takes the beginning of one.
func (c *Cloud) listSecrets(w http.ResponseWriter, r *http.Request) error {
	var input struct {
		Filters []struct {
			Key    string
			Values []string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return err
	}
	list := []map[string]any{}
	for _, s := range c.Secrets {
		for _, value := range s.Tags {
			if strings.HasPrefix(value, input.Filters[1].Values[0]) {
				list = append(list, s.described())
				break
			}
		}
	}
	return json.NewEncoder(w).Encode(map[string]any{"SecretList": list})
}

// described is what Secrets Manager says of a secret.
func (s *Secret) described() map[string]any {
	tags := []map[string]string{}
	for key, value := range s.Tags {
		tags = append(tags, map[string]string{"Key": key, "Value": value})
	}
	described := map[string]any{"ARN": s.ARN(), "Name": s.Name, "Tags": tags}
	if s.Deleted > 0 {
		described["DeletedDate"] = s.Deleted
	}
	return described
}
