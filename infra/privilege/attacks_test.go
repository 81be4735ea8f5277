//go:build e2e

package privilege

import (
	"bucketuser/lambda/spec"
)

// on is what a call asks for if it asks for one action.
func on(action, resource string) []request { return []request{{action: action, resource: resource}} }

func (r request) in(account, policy string) []request {
	r.account, r.policy = account, policy
	return []request{r}
}

func userARN(pathAndName string) string { return iamPrefix + "user/" + pathAndName }

// onUser is an IAM call about a user who exists.
func onUser(name, action, user string, parameters ...string) cell {
	arn := userARN(user)
	if user == "insider" {
		arn = userARN("bucketuser/insider")
	}
	return cell{name: name, call: query("iam", action, append(parameters, "UserName="+user)...), asks: on("iam:"+action, arn)}
}

// users are the ways to more rights over users, policies and roles.
func (v *victim) users() []cell {
	boundary := "PermissionsBoundary="
	create := func(name, user, path, boundaryARN string) cell {
		c := cell{name: name, call: query("iam", "CreateUser", "UserName="+user, "Path="+path), asks: on("iam:CreateUser", userARN(path[1:]+user))}
		if boundaryARN != "" {
			c.call = query("iam", "CreateUser", "UserName="+user, "Path="+path, boundary+boundaryARN)
			c.asks[0].context = map[string]any{"iam:PermissionsBoundary": boundaryARN}
		}
		return c
	}
	ours := v.lane.subject.boundaryARN
	onPolicy := func(name, action, arn string, parameters ...string) cell {
		return cell{name: name, call: query("iam", action, append(parameters, "PolicyArn="+arn)...), asks: on("iam:"+action, arn)}
	}
	onRole := func(name, action, role string, parameters ...string) cell {
		return cell{name: name, call: query("iam", action, append(parameters, "RoleName="+role)...), asks: on("iam:"+action, iamPrefix+"role/"+role)}
	}
	group := on("iam:AddUserToGroup", iamPrefix+"group/admins")
	return []cell{
		create("a user without a boundary", "free", spec.DefaultIAMPath, ""),
		create("a user with another boundary", "free", spec.DefaultIAMPath, v.otherBoundary),
		create("a user with the boundary, outside the path", "free", "/", ours),
		create("a user on a path that only starts like ours", "free", "/bucketuser-admins/", ours),
		onUser("a key for a user outside the path", "CreateAccessKey", "stranger"),
		onUser("the keys of a user outside the path", "ListAccessKeys", "stranger"),
		onUser("delete a key of a user outside the path", "DeleteAccessKey", "stranger", "AccessKeyId="+v.strangerKey),
		onUser("switch a key of a user outside the path", "UpdateAccessKey", "stranger", "AccessKeyId="+v.strangerKey, "Status=Inactive"),
		onUser("tag a user outside the path", "TagUser", "stranger", "Tags.member.1.Key=a", "Tags.member.1.Value=b"),
		onUser("untag a user outside the path", "UntagUser", "stranger", "TagKeys.member.1=a"),
		onUser("delete a user outside the path", "DeleteUser", "stranger"),
		onUser("attach a policy to our user", "AttachUserPolicy", "insider", "PolicyArn="+v.otherPolicy),
		onUser("write a policy into our user", "PutUserPolicy", "insider", "PolicyName=p", "PolicyDocument="+anyPolicy),
		{name: "put our user into a group", call: query("iam", "AddUserToGroup", "GroupName=admins", "UserName=insider"), asks: group},
		onUser("a login for our user", "CreateLoginProfile", "insider", "Password=Secret-1-Secret"),
		onUser("another login for our user", "UpdateLoginProfile", "insider", "Password=Secret-2-Secret"),
		onUser("take the boundary from our user", "DeleteUserPermissionsBoundary", "insider"),
		onUser("give our user another boundary", "PutUserPermissionsBoundary", "insider", boundary+v.otherPolicy),
		onUser("move our user to another path", "UpdateUser", "insider", "NewPath=/"),
		{name: "list the users", call: query("iam", "ListUsers"), asks: on("iam:ListUsers", "*")},
		{name: "read the whole of IAM", call: query("iam", "GetAccountAuthorizationDetails"), asks: on("iam:GetAccountAuthorizationDetails", "*")},
		onPolicy("a new version of the boundary", "CreatePolicyVersion", ours, "PolicyDocument="+anyPolicy, "SetAsDefault=true"),
		onPolicy("another version of the boundary", "SetDefaultPolicyVersion", ours, "VersionId=v1"),
		{name: "a policy", call: query("iam", "CreatePolicy", "PolicyName=mine", "PolicyDocument="+anyPolicy), asks: on("iam:CreatePolicy", iamPrefix+"policy/mine")},
		onRole("attach a policy to its own role", "AttachRolePolicy", v.lane.name, "PolicyArn="+v.otherPolicy),
		onRole("write a policy into its own role", "PutRolePolicy", v.lane.name, "PolicyName=p", "PolicyDocument="+anyPolicy),
		onRole("let others assume its role", "UpdateAssumeRolePolicy", v.lane.name, "PolicyDocument="+trust),
		onRole("a role", "CreateRole", "mine", "AssumeRolePolicyDocument="+trust),
		{name: "assume another role", call: query("sts", "AssumeRole", "RoleArn="+v.otherRole, "RoleSessionName=s"),
			asks: on("sts:AssumeRole", v.otherRole)},
		{name: "pass a role to a new function", call: rest("lambda", "POST", "/2015-03-31/functions",
			`{"FunctionName":"mine","Role":"`+v.otherRole+`","Runtime":"provided.al2023","Handler":"bootstrap","Code":{"ZipFile":""}}`),
			asks: []request{{action: "lambda:CreateFunction", resource: functionARN("mine")}, {action: "iam:PassRole", resource: v.otherRole,
				context: map[string]any{"iam:PassedToService": "lambda.amazonaws.com"}}}},
	}
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
}

// tagsOf is the path of a bucket's tags in S3 Control.
func tagsOf(bucket string) string { return "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3A" + bucket }

const aTag = `<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></TagResourceRequest>`

// data are the ways to data that is not the role's to read or change.
func (v *victim) data() []cell {
	bucket := func(name string) string { return "arn:aws:s3:::" + name }
	secret := func(name, action, arn, more string) cell {
		return cell{name: name, call: target("secretsmanager", "secretsmanager."+action, `{"SecretId":"`+arn+`"`+more+`}`),
			asks: on("secretsmanager:"+action, arn)}
	}
	s3Call := func(name, method, path, body, action, resource string) cell {
		return cell{name: name, call: rest("s3", method, path, body), asks: on(action, bucket(resource))}
	}
	theirs := func(c cell) cell {
		c.asks = c.asks[0].in(stranger, theirPolicy(theirBucket, account))
		return c
	}
	const location = `<CreateBucketConfiguration><LocationConstraint>` + region + `</LocationConstraint></CreateBucketConfiguration>`
	return []cell{
		s3Call("a bucket outside its names", "PUT", "/company-new", location, "s3:CreateBucket", "company-new"),
		s3Call("list a bucket outside its names", "GET", "/"+otherBucket+"?versions", "", "s3:ListBucketVersions", otherBucket),
		s3Call("write to a bucket outside its names", "PUT", "/"+otherBucket+"/data/x", "x", "s3:PutObject", otherBucket+"/data/x"),
		s3Call("delete from a bucket outside its names", "DELETE", "/"+otherBucket+"/data/table?versionId=null", "", "s3:DeleteObjectVersion", otherBucket+"/data/table"),
		s3Call("the policy of a bucket outside its names", "PUT", "/"+otherBucket+"?policy", theirPolicy(otherBucket, iamPrefix+"root"), "s3:PutBucketPolicy", otherBucket),
		s3Call("the tags of a bucket outside its names", "GET", "/"+otherBucket+"?tagging", "", "s3:GetBucketTagging", otherBucket),
		s3Call("delete a bucket outside its names", "DELETE", "/"+otherBucket, "", "s3:DeleteBucket", otherBucket),
		s3Call("read the data in a bucket of ours", "GET", "/"+ourBucket+"/data/table", "", "s3:GetObject", ourBucket+"/data/table"),
		s3Call("the ACL of a bucket of ours", "PUT", "/"+ourBucket+"?acl", "", "s3:PutBucketAcl", ourBucket),
		s3Call("replicate a bucket of ours", "PUT", "/"+ourBucket+"?replication", "", "s3:PutReplicationConfiguration", ourBucket),
		s3Call("tag a bucket outside its names", "POST", tagsOf(otherBucket), aTag, "s3:TagResource", otherBucket),
		s3Call("untag a bucket of ours", "DELETE", tagsOf(ourBucket)+"?tagKeys=a", "", "s3:UntagResource", ourBucket),
		s3Call("access by tags to a bucket of ours", "PUT", "/"+ourBucket+"?abac", "", "s3:PutBucketAbac", ourBucket),
		s3Call("open a bucket outside its names", "DELETE", "/"+otherBucket+"?publicAccessBlock", "", "s3:PutBucketPublicAccessBlock", otherBucket),
		theirs(s3Call("list another account's bucket that lets it in", "GET", "/"+theirBucket+"?versions", "", "s3:ListBucketVersions", theirBucket)),
		theirs(s3Call("write to another account's bucket that lets it in", "PUT", "/"+theirBucket+"/data/x", "x", "s3:PutObject", theirBucket+"/data/x")),
		secret("read a secret outside its names", "GetSecretValue", v.otherSecretARN, ""),
		secret("describe a secret outside its names", "DescribeSecret", v.otherSecretARN, ""),
		secret("write a secret outside its names", "PutSecretValue", v.otherSecretARN, `,"SecretString":"x"`),
		secret("let others read a secret of ours", "PutResourcePolicy", v.ourSecretARN, `,"ResourcePolicy":"`+`{}`+`"`),
		secret("delete a secret outside its names", "DeleteSecret", v.otherSecretARN, ""),
		{name: "a secret outside its names", call: target("secretsmanager", "secretsmanager.CreateSecret", `{"Name":"company/new"}`),
			asks: on("secretsmanager:CreateSecret", "arn:aws:secretsmanager:"+region+":"+account+":secret:company/new-abcdef")},
		{name: "list the secrets", call: target("secretsmanager", "secretsmanager.ListSecrets", `{}`), asks: on("secretsmanager:ListSecrets", "*")},
		{name: "read a parameter", call: target("ssm", "AmazonSSM.GetParameter", `{"Name":"company"}`),
			asks: on("ssm:GetParameter", "arn:aws:ssm:"+region+":"+account+":parameter/company")},
	}
}

// services are the ways to other services, and to traces of what was done.
func (v *victim) services() []cell {
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
	}
	const functions = "/2015-03-31/functions/"
	otherStack := arn("cloudformation", "stack/Other/1")
	own := func(name, method, path, body, action string) cell {
		return cell{name: name, call: rest("lambda", method, functions+v.lane.name+path, body), asks: on(action, functionARN(v.lane.name))}
	}
	logs := func(name, action, body, resource string) cell {
		return cell{name: name, call: target("logs", "Logs_20140328."+action, body), asks: on("logs:"+action, resource)}
	}
	return []cell{
		own("invoke the function", "POST", "/invocations", `{}`, "lambda:InvokeFunction"),
		own("let others invoke the function", "POST", "/policy", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`, "lambda:AddPermission"),
		own("change the function's settings", "PUT", "/configuration", `{"Timeout":30}`, "lambda:UpdateFunctionConfiguration"),
		own("change the function's code", "PUT", "/code", `{"ZipFile":""}`, "lambda:UpdateFunctionCode"),
		{name: "ask about another stack", call: query("cloudformation", "DescribeStackResource", "StackName="+otherStack, "LogicalResourceId=R"),
			asks: on("cloudformation:DescribeStackResource", otherStack), allowed: v.lane.subject == shared}, // it serves them all
		{name: "ask for the status of another stack", call: query("cloudformation", "DescribeStacks", "StackName="+otherStack),
			asks: on("cloudformation:DescribeStacks", otherStack), allowed: v.lane.subject == shared},
		{name: "change its own stack", call: query("cloudformation", "UpdateStack", "StackName="+root.stackID, "UsePreviousTemplate=true"),
			asks: on("cloudformation:UpdateStack", root.stackID)},
		{name: "delete another stack", call: query("cloudformation", "DeleteStack", "StackName="+otherStack), asks: on("cloudformation:DeleteStack", otherStack)},
		{name: "stop CloudTrail", call: target("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.StopLogging", `{"Name":"trail"}`),
			asks: on("cloudtrail:StopLogging", arn("cloudtrail", "trail/trail"))},
		{name: "delete a trail", call: target("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DeleteTrail", `{"Name":"trail"}`),
			asks: on("cloudtrail:DeleteTrail", arn("cloudtrail", "trail/trail"))},
		logs("read its own log", "GetLogEvents", `{"logGroupName":"`+logGroup+`","logStreamName":"s"}`, arn("logs", "log-group:"+logGroup+":log-stream:s")),
		logs("read another log", "GetLogEvents", `{"logGroupName":"/company","logStreamName":"s"}`, arn("logs", "log-group:/company:log-stream:s")),
		logs("write another log", "PutLogEvents", `{"logGroupName":"/company","logStreamName":"s","logEvents":[]}`, arn("logs", "log-group:/company:log-stream:s")),
		logs("delete its own log", "DeleteLogGroup", `{"logGroupName":"`+logGroup+`"}`, arn("logs", "log-group:"+logGroup)),
		{name: "decrypt with a key", call: target("kms", "TrentService.Decrypt", `{"CiphertextBlob":"AAAA","KeyId":"`+arn("kms", "key/1")+`"}`),
			asks: on("kms:Decrypt", arn("kms", "key/11111111-2222-3333-4444-555555555555"))[0].in("", keyPolicy)},
		{name: "a key", call: target("kms", "TrentService.CreateKey", `{}`), asks: on("kms:CreateKey", "*")},
		{name: "read a table", call: target("dynamodb", "DynamoDB_20120810.GetItem", `{"TableName":"company","Key":{}}`),
			asks: on("dynamodb:GetItem", arn("dynamodb", "table/company"))},
	}
}

// permitted are what the role may do, to show that the harness can tell.
func (v *victim) permitted() []cell {
	yes := func(c cell) cell { c.allowed = true; return c }
	made := "made-" + v.lane.subject.name
	create := cell{name: "a user with the boundary", call: query("iam", "CreateUser", "UserName="+made, "Path="+spec.DefaultIAMPath, "PermissionsBoundary="+v.lane.subject.boundaryARN),
		asks: []request{{action: "iam:CreateUser", resource: userARN("bucketuser/" + made), context: map[string]any{"iam:PermissionsBoundary": v.lane.subject.boundaryARN}}}}
	return []cell{
		yes(create),
		yes(onUser("a key for a user on its path", "CreateAccessKey", "insider")),
		yes(onUser("look at a user outside the path", "GetUser", "stranger")),
		yes(cell{name: "list the buckets", call: rest("s3", "GET", "/", ""), asks: on("s3:ListAllMyBuckets", "*")}),
		yes(cell{name: "write to a bucket of ours", call: rest("s3", "PUT", "/"+ourBucket+"/data/", ""), asks: on("s3:PutObject", "arn:aws:s3:::"+ourBucket+"/data/")}),
		yes(cell{name: "read a secret of ours", call: target("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"`+v.ourSecretARN+`"}`),
			asks: on("secretsmanager:GetSecretValue", v.ourSecretARN)}),
		yes(cell{name: "ask about its own stack", call: query("cloudformation", "DescribeStackResource", "StackName="+root.stackID, "LogicalResourceId="+stale),
			asks: on("cloudformation:DescribeStackResource", root.stackID)}),
		yes(cell{name: "ask for the status of its own stack", call: query("cloudformation", "DescribeStacks", "StackName="+root.stackID),
			asks: on("cloudformation:DescribeStacks", root.stackID)}),
	}
}
