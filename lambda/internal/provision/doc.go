// Package provision makes AWS match a [spec.Spec], and removes what matches it.
//
// One event takes this path:
//
//	classify  read the properties; Create, in place, back, replacement or Delete: operation.go
//	look      read secret, user and bucket by name, ask CloudFormation: late.go; what does not
//	          fit is looked at again: doubt.go
//	admit     refuse what is not ours, by claim.Claim, what is late, by the times on the set, and
//	          values that are outdated and new: rollback.go
//	make      create what is missing, tagged as ours by the creating call, the secret first
//	equip     bucket: public access block, policy, the rest; user: an access key
//	prove     use the new key as its owner will, beside the settings that this does not depend on
//	commit    put the credentials into the secret; before that, mark the set that is replaced
//
// A Delete looks, and then removes: remove.go. A failed Create or Update is undone: undo.go.
// What is about one thing alone is in its room: packages secret, keyring and bucket.
// Words that are used here in one meaning only, such as set, late, delivery and commit, are
// explained in lambda/README.md.
//
// Until the commit the secret is a placeholder without a value: a record that the set was
// begun. Its value tells a set that may be in use from one that nobody can have used, and so
// what may be undone.
//
// Every step looks before it acts and can be repeated. Nothing is changed or removed unless
// its tags say that it belongs to the resource. The package knows nothing of answers,
// deadlines, and physical ids beyond those of its specs.
//
// # Whose a thing is
//
// Package claim tells by the tags. This is what follows:
//
//	thing   state     Create          Create, OnDelete Retain  Delete
//	secret  Foreign   refused         refused                  left
//	secret  Released  taken           taken                    left
//	secret  Leaving   taken           taken                    removed, recoverable
//	secret  Ours      taken           taken                    removed
//	secret  Adopted   taken, adopted  taken, adopted           removed
//	user    Foreign   refused         refused                  left
//	user    Released  refused         refused                  left
//	user    Leaving   refused         refused                  left
//	user    Ours      taken           taken                    removed
//	user    Adopted   taken, adopted  taken, adopted           removed
//	bucket  Foreign   refused         refused                  left
//	bucket  Released  refused         taken, adopted           left
//	bucket  Leaving   refused         taken, adopted           left
//	bucket  Ours      taken           taken                    removed
//	bucket  Adopted   refused         taken, adopted           released
//
// A user that is tagged as adopted is ours all the same: only a bucket is ever adopted. A bucket that
// is Ours counts as Adopted unless its secret says that it was made, too: a tool may have replaced
// the tags of the bucket, and people may have put back some. Where the secret is gone, or is of a
// version that said nothing of it, the tags of the bucket decide. An Update in place may give an
// adopted bucket any OnDelete but from Retain: it is released all the same, and the log says so.
//
// # Replacement
//
// A replacement never deletes data, whichever of its sets goes. It begins if the old bucket is
// empty, or OnDelete is Retain; every delivery looks again. Data may come later all the same, and
// the Delete that cleans up carries the OnDelete of a set in use. So both sets are marked, the new
// one by its creating calls, the old one before the commit of the new. A Delete of a marked set
// whose other set is there, by CloudFormation's word or by its secret, removes access and empties
// nothing: DeleteBucket decides, and a bucket that is not empty is released. An event that has a set in force takes
// the mark of the replaced off it, and the mark of the replacing once the other set is gone.
//
// An Update that asks for another physical id than the resource has goes back to it if it bears the
// mark of having been replaced by that resource's set, or holds committed credentials and was not made to replace that: a
// return. Every other one begins a set, whatever is half there.
//
// # Lost parts
//
// A part of a set in force that exists and is not ours is lost: a tool has replaced its tags, or
// somebody has deleted it and made another under its name. Nothing is taken back by its name, or by itself.
//
//	event                          | what it does with a lost part
//	Create, replacement            | refused: nothing without our tags is ours
//	in place                       | refused if it would change the part, and that shows as it was before; else left, and logged
//	back, return                   | left, and logged
//	Delete                         | what is ours goes; then it fails for what was in use, by the value of the secret
//	the same Delete again          | left, and logged: without a secret nothing was in use
//
// With user or secret lost, value and keys stay as they are, and no policy names the user. With the
// bucket lost, a key that is needed is not proven.
//
// # What hangs on the state of the account
//
// These refusals do not come from the properties alone. Each is made only for what the event would
// change, so that its rollback, which finds the account as it was, is not refused.
//
//	refusal                                        | events                        | its rollback                           | shown by
//	a name is taken, or the bucket elsewhere       | Create, replacement           | a Delete, or back: finds nothing       | TestA7
//	the old bucket holds data, or cannot be looked at | replacement                | back: makes no such check              | TestA7
//	a part of the old set is lost                  | replacement                   | back: leaves it                        | TestA7
//	the old set cannot be marked                   | replacement                   | back: leaves it                        | TestA7
//	an update from the resource was cut off        | replacement                   | back: makes no such check              | TestA22OldPropertiesOfAnotherSet
//	a lost part would be changed                   | in place                      | in place: shows as wanted              | TestA7
//	an adopted bucket with another OnDelete        | in place                      | in place: goes to Retain               | TestA7
//	the policy is too long with those of others    | Create, replacement, in place | in place: writes what is there         | TestA7
//	versions expire in a bucket that was never versioned | Create, replacement, in place | in place: asks for no rule; else finds nothing | TestA7
//	a bucket cannot be adopted as it is            | Create, replacement           | a Delete, or back: finds nothing       | TestAdoptionIsRefusedInWords
//	others forbid a change                         | in place                      | in place: leaves it                    | TestOthersNeverMakeItStuck
//	an outdated value is new                       | in place, replacement         | in place, or back: brings it back      | TestA15RollbackBringsTheValueBack
//	no bucket is there that can only be taken over | Create, replacement           | a Delete, or back: finds nothing       | TestRow22AccountRegionalNamespace
//	the user has no boundary and needs a key       | Create, replacement           | a Delete, or back: keeps its key       | TestA26BeginningIsRefused
//	the same, and keys or schedule would change    | in place                      | in place: leaves them                  | TestA26WhatIsAskedOfKeys
//	keys or schedule would change, and must stay   | in place                      | in place: leaves them                  | TestR1LostPartRefusesWhatIsAskedOfKeys
//	a key that KeySerial asks for cannot be made   | in place                      | in place: keeps its key                | TestR1RaiseIsNeverSwallowed
//	the provider has no function that rotates      | Create, in place              | in place: leaves it                    | TestR8ProviderThatDoesNotRotate
//	the bucket holds data                          | Delete                        | none: nothing was changed              | TestRow34
//
// An Update in place that is refused something asks CloudFormation whether its stack is rolled back. If
// so, lost parts, parts that it may not look at, and all that others forbid stay as they are: see
// rollback.go. Without an answer the table holds, but for outdated values, PreviousKey and the days of a schedule:
// the account does not tell an Update that brings one back from one that brings it first. So the value passes, and
// the log has it.
//
// A Create with an outdated value is refused before any call. One that Lambda may have delivered before
// looks first: what an earlier version of the function has begun goes on, here and in an Update.
//
// Three are not: a right that the role lacks; patterns of the provider that no longer cover the names;
// and a part that somebody has deleted, where others forbid to make another. Giving the right back, or
// widening the patterns, and going on with the rollback heals them.
//
// # Adoption
//
// A bucket that its owner or an earlier resource has released is somebody's. Before anything is made
// bucket.CheckAdoption refuses what could not be taken over without changing what is set there, or could
// not be worked with. Then only these are added: our statements, told by their Sids; our tags; the folder
// marker, where there is none; and lifecycle rules that reach the prefix, if they are asked for. A
// release takes them away again, but for the marker and what others forbid to take away. A failed
// Create takes the marker along that it has written.
//
// In a bucket of which it is only doubted that it is ours, settings stay that no property names.
//
// # What the secret holds
//
//	value       Create         Update         undo                    Delete, SecretRecoveryDays 9
//	none        mints a key    mints a key    removed                 removed
//	earlier     mints a key    mints a key    recoverable for 9 days  recoverable for 9 days
//	tombstone   stops          mints a key    removed                 removed
//	foreign     mints a key    mints a key    stays                   recoverable for 9 days
//	incomplete  mints a key    mints a key    stays                   recoverable for 9 days
//	committed   keeps the key  keeps the key  stays                   recoverable for 9 days
//	unreadable  stops          stops          stays                   recoverable for 9 days
//
// A key that is kept is one that the user has and that is active; otherwise one is minted. A
// tombstone stops a Create, as the set is being removed, and not an Update, whose set is in
// use.
//
// Committed is any JSON object in which the two fields of the key are strings that are not empty.
// Its other fields that are not ours are of any type, and every commit keeps them as they are
// written. Those of an earlier life it drops.
//
// Unreadable is a value that Secrets Manager does not show: its KMS key is disabled or about to be
// deleted, or the role may not decrypt with it. DescribeSecret says all the same whether there is
// one, and it may be in use. So it stops what needs the key that it names, and neither a Delete nor
// an undoing. An event that goes back leaves it, and answers without the id of the key. An Update
// that changes SecretKmsKeyId gives it up: if the value still cannot be read after UpdateSecret,
// which comes first, another key is minted, and the one before goes on working as the previous key:
// the oldest of the user's that are active, since what was made by hand or cut off is younger.
//
// # What becomes of a failed event
//
// CloudFormation's word on the resource decides. The last column is for a replacement whose old
// set a later event has ensured since. A set stays where it may be in use, and where the Update
// that goes back, or the Delete, will find it. "Data left" means that a bucket with data in it
// stays as it is, for a Delete that is under way. Where no Delete will come it is released.
// Credentials that were committed always stay.
//
//	CloudFormation | Create                | Update in place       | replacement                    | and its old set ensured since
//	no answer      | undone, data released | stays                 | undone if begun, data released | undone, data released
//	in use         | stays                 | stays                 | stays                          | stays
//	updating       | undone, data released | stays                 | undone if begun, data released | undone, data released
//	deleting       | undone, data left     | undone, data left     | undone, data left              | undone, data released
//	deleted        | undone, data released | undone, data released | undone, data released          | undone, data released
//	delete failed  | stays                 | stays                 | undone, data left              | undone, data released
//	creating, else | undone, data released | stays                 | undone, data left              | undone, data released
//
// # Late events
//
// Lambda may deliver an event again, or go on with it, when CloudFormation has sent others
// since. The time at which CloudFormation sent an event tells them apart. CloudFormation signs
// it into the ResponseURL. A set carries the time of the last event that ensured it as a tag:
// the secret always, user and bucket since they were made. An event that is older is late and
// changes nothing. A replacement heeds the set that it comes from as well, since CloudFormation
// may have gone back to it. Beyond that, DescribeStackResource says whether CloudFormation waits
// for an event of this kind, from this physical id, that is not much older than the state of the
// resource.
//
// # A later format
//
// A secret whose tag bucketuser:format is higher than [spec.Format] is kept by a later version
// of the provider. Its value and the keys of its user stay as they are: nothing is minted,
// swept, committed or undone. Everything else is done as this version knows it, and a Delete
// removes all.
//
// # A user without a boundary
//
// Where the provider has a permissions boundary, a user for whom IAM shows none gets no key: all
// that others grant would be in it. An event that begins a set is refused, and so is an Update that raises
// KeySerial. Where the key in the value does not work, an Update that asks for the end of a key by PreviousKey, or changes the days of
// its schedule, is refused, too. In every other one value and keys stay as they are, and the log says what is
// wrong: with the boundary put back, the next Update makes the key that is needed. A rollback is refused nothing. A
// key that works needs no boundary to be kept, and a schedule none to be changed. Which boundary the user has is not asked: it may be
// that of an earlier provider. What is taken off after the look is found by the next event.
//
// # Order of calls, and what a crash leaves behind
//
// Calls in one row are made beside each other. A crash is a process that dies before
// or after any of them, or an answer that never comes. Lambda then delivers the same
// event again, and if that does not help CloudFormation goes on: with a Delete after
// a Create, with the Update back after an Update.
//
// Create, and the new set of a replacement:
//
//	call                                            left behind                   cleaned up by
//	DescribeStackResource, DescribeSecret, GetUser, nothing                       –
//	  GetBucketTagging; DescribeSecret of the set
//	  that is replaced; GetPublicAccessBlock,
//	  GetBucketEncryption, GetBucketAbac,
//	  GetBucketVersioning and GetBucketPolicy
//	  of a bucket that is adopted
//	CreateSecret                                    a secret without a value,     again: goes on; Delete, or the
//	                                                  tagged as ours                Update back: removes it
//	CreateUser, CreateBucket                        the same, and either of the   the same
//	                                                  two, without key and policy
//	PutPublicAccessBlock and then PutBucketPolicy;  a half-equipped bucket, and   again: makes another key; the
//	  PutObject of the marker; GetSecretValue         a key that nobody knows       sweep removes it, or Delete
//	  where an earlier delivery may have
//	  committed, and CreateAccessKey
//	PutBucketVersioning and then                    the same, and the probe       again: proves again; removing
//	  PutBucketLifecycleConfiguration;                                              or releasing the bucket
//	  DescribeStackResource, DescribeSecret of the
//	  replaced set, the proof (PutObject,
//	  GetObject, ListObjectsV2, DeleteObject)
//	ListObjectVersions, DeleteObject of the probe,  the same                      the same
//	  in a replacement
//	DescribeSecret, GetBucketTagging, TagResource,  the same, and the mark on     again; undo takes the mark off,
//	  PutBucketTagging: the mark of the replaced      the replaced set              as does the Update back
//	PutSecretValue: the commit; in a Create         before it the same, after     again: keeps the key, removes
//	  DeleteObject of the probe and                   it a whole set, and the       the probe and sweeps
//	  ListAccessKeys                                  probe
//	ListAccessKeys, DeleteAccessKey: the sweep      keys of events that were      again, any Update, Delete
//	                                                  cut off before their commit
//
// An Update to which something is refused asks once whether it is a rollback (DescribeStacks): to that
// nothing is refused, and what it may not change stays, and is logged.
//
// An Update in place makes the same calls but finds what it would create, so it
// creates only what somebody has taken away, and a key only if the recorded one is
// gone, inactive or unknown to S3 (GetSecretValue, ListAccessKeys, ListObjectsV2 with the key). Such
// a key goes on working: TagResource notes its id before the commit. It reads the settings of the
// bucket beside each other (GetPublicAccessBlock, GetBucketPolicy, GetBucketVersioning,
// GetBucketLifecycleConfiguration) and writes what differs, one after the other, as
// above and with PutBucketVersioning, DeleteBucketLifecycle and PutBucketTagging; beside
// them the secret's (TagResource with the time of the event, UntagResource). One that moves the prefix
// looks at the end whether objects are left where the user can no longer reach them (ListObjectVersions). Before all of them
// goes UpdateSecret with another KMS key: a crash after it leaves the value under either key. What was released is
// taken over in the same way: RestoreSecret and TagResource, PutBucketTagging.
//
// Until the commit the secret holds what it held, after it the new value, and the key
// that it names is never deleted, so consumers go on working wherever it stops. The
// Update back converges in the same way. If it comes from another physical id, that
// set is removed afterwards, as ensureNoLeftover says, and at the very end the mark is taken off
// the set that is in force again (DescribeSecret, GetBucketTagging, UntagResource, PutBucketTagging).
//
// A failed Create is undone before it is answered: DescribeSecret, GetUser,
// GetBucketTagging, GetSecretValue, then an empty value as a tombstone, so that no
// event beside it can commit any more, as none can with a KMS key that cannot be used, and then the calls of Delete, but with the
// secret last: the tombstone stays until everything else is gone. If it stops there,
// the Delete that CloudFormation sends goes on.
//
// Delete:
//
//	call                                            left behind                   cleaned up by
//	DescribeSecret, GetUser, GetBucketTagging,      everything                    again
//	  DescribeStackResource, ListObjectVersions;
//	  DescribeSecret of the other set of a
//	  replacement, GetSecretValue for a lost part
//	PutBucketTagging of what keeps data and         the same                      again
//	  stands on the secret alone
//	DeleteSecret (tagged released before, if it     user, keys, bucket            again: finds each by its own
//	  has a recovery window), ListAccessKeys                                        tags
//	DeleteAccessKey                                 user without keys, bucket     the same
//	DeleteUser; of a bucket that holds nothing      the same, or bucket           the same
//	  else DeleteObject of marker and probe, and      without marker
//	  with Purge ListMultipartUploads
//	ListObjectVersions, DeleteObjects,              bucket, with what is not      the same
//	  DeleteObject, ListMultipartUploads,             deleted yet; nobody may
//	  AbortMultipartUpload of any other;              write to it
//	  GetBucketPolicy and PutBucketPolicy beside
//	  the first deletions, and then
//	  PutBucketTagging of the run; DescribeSecret
//	  beside all of it
//	GetBucketPolicy, PutBucketPolicy or             bucket that nobody may        the same; the next policy that
//	  DeleteBucketPolicy, where it fails              write to                      is written to it
//	DeleteBucket; or DeleteBucketPolicy,            bucket without our policy     the same: the tag that lets go
//	  DeleteBucketLifecycle and PutBucketTagging      and rule                      of it comes last
//	  to release it
//
// A Purge that finds data denies everybody to write to the bucket, beside the first deletions, so that a writer who goes on
// does not keep it from its end. The statement has a Sid of its own, and spares nobody. The statements that name our user
// go with it: S3 takes no policy that names a user who is gone (L9). What refuses the statement, or takes longer than
// five seconds, changes nothing. It goes with the bucket. A Delete that fails takes it off again, a release does, and so does
// the next event that equips the bucket: there the folder marker, which it may refuse, is tried again after the policy.
//
// # A Purge that takes longer than a run
//
// A run of a Delete stops to empty a bucket shortly before its time is over, or before CloudFormation gives up. If it has deleted
// something and Lambda has a run left, it answers nothing and returns an error: Lambda delivers the same event again, one minute after
// the first run and two minutes after the second. What is deleted is not listed again, so to begin anew is to go on. Each run looks at
// the set, at the other side of a replacement, and asks whether it is late. Secret, keys and user are gone after the first: the tags
// of the bucket decide then, as in any Delete that goes on. DeleteBucket alone makes SUCCESS.
//
// The tag bucketuser:emptying counts the runs of an event. It bears the time of the event, so what another event has left says nothing,
// and an event that ensures the set takes it off, as a release does. A run that finds it knows that the event has looked for the whole
// set before, and has ended the access: it does not look again for two minutes.
//
// It does not matter what a run is doing when its time is over: emptying, the last list, an upload or DeleteBucket.
//
//	out of time, and                                     the event is
//	something was deleted, and a run is left             left for the next run, without an answer
//	nothing was deleted                                  FAILED
//	the tag could not be written, or there is no time    FAILED: nobody knows how many runs are left
//	it was the third run                                 FAILED
//	CloudFormation waits less than another run may take  FAILED: Lambda may drop the event
//	a lost part of the set was in use                    FAILED: it fails in any case
//	S3 refuses entries for good                          FAILED
//	the bucket is not ours any more, or a later event    FAILED, at once: what is in it by now was never to be deleted
//	  has ensured it
//
// A run may go on when CloudFormation has given up its event, and the bucket may have another life then: its resource was added
// again, or somebody has deleted it and made another under its name. So as long as a bucket is emptied its tags are read every
// twenty seconds (GetBucketTagging), and between two attempts. An event that ensures a bucket on which a run is counted writes its
// own time there, which says that it is later. No answer says nothing. What may be from before the bucket was made, or tagged (L1, L4), says
// nothing for two minutes: no tags at all, or no bucket. A later Delete may empty the same bucket beside it. What was written less than twenty seconds
// before may be deleted: N19.
//
// What is FAILED says what was deleted and what is left, as far as that is known, and the next Delete goes on from there, with runs of its
// own. A run that was cut off before it had written the tag has not counted, and somebody may take the tag off. So an event that shows none
// counts as in the last of the runs that may have begun at its age: in the second after thirty seconds, in the third after two minutes. An
// event that has waited in the queue of a busy function for so long has fewer runs. Two deliveries of one event beside each other count as
// runs one after the other: the event may be answered earlier than it must be, and what it says is true.
//
// Where Lambda loses a run that was left, or a run is cut off that was to answer, CloudFormation gives up after ServiceTimeout without an
// answer, and the next Delete goes on. A bucket whose tags are taken away between two runs is nobody's, as in any Delete that goes on: N15.
//
// # What waits for what
//
// A call waits for what it depends on, and for nothing else. TestDepth counts how many follow each other, and
// TestPropagationsOverlap how long they wait for AWS.
//
//	call                              | waits for                       | because
//	CreateSecret                      | the looks                       | a name that is not ours is refused with the account as it was
//	CreateUser, CreateBucket          | CreateSecret                    | what is left behind always has a secret that shows it
//	CreateAccessKey                   | CreateUser                      | it is the user's
//	PutPublicAccessBlock              | CreateBucket, and in us-east-1  | only the tags say whose the bucket is there
//	                                  |   GetBucketTagging              |
//	PutBucketPolicy                   | PutPublicAccessBlock,           | access is blocked before anybody is let in; S3 must know
//	                                  |   CreateUser                    |   the user
//	each other setting                | the one before                  | S3 refuses two changes of one bucket at the same time; what was
//	                                  |                                 |   read before another was written may be old
//	the proof                         | PutBucketPolicy,                | the policy alone lets the user in
//	                                  |   CreateAccessKey               |
//	a call of the proof               | the one before, but for those   | what was put is what is read; that of a Create, which somebody
//	                                  |   of a Create                   |   waits for, proves each right by itself
//	PutSecretValue: the commit        | the proof, all settings, the    | nobody has a key to a half-built place; a late event
//	                                  |   marker, DescribeStackResource,|   changes nothing; no side of a replacement deletes data
//	                                  |   the mark of the replaced set  |
//	the probe's removal               | the proof; the commit waits for | after a failed Create a Delete comes; after anything else
//	                                  |   it, but for that of a Create  |   nothing may
//	the sweep                         | the commit                      | the key in use is another one before; a list of a Create that
//	                                  |                                 |   is read beside it shows all that may be forsaken
//	GetSecretValue, but in place      | DescribeSecret                  | no value counts before the tags show it as ours
//	ListObjectsV2 with a key,         | GetSecretValue                  | the value names it
//	  ListAccessKeys                  |                                 |
//	DeleteSecret                      | the looks, DescribeStackResource| a Delete changes nothing before it is clear that the bucket may
//	                                  |   ListObjectVersions            |   go; the question whether it is late is asked after all waiting
//	DeleteAccessKey                   | DeleteSecret                    | no event can commit a key any more
//	DeleteUser                        | DeleteAccessKey                 | IAM refuses it before
//	DeleteObject of marker and probe  | DeleteAccessKey                 | access goes first
//	DeleteBucket, and a purge         | DeleteUser, DeleteObject        | the bucket stays where access could not be ended
//	DescribeSecret, the second time   | DeleteUser                      | without a user no event can commit a secret
//
// # How a key is rotated
//
// An Update that raises KeySerial, and a rotation by Secrets Manager, carry out the same: a key is made that follows the
// current version, it is proven, the tag of the previous key names the one that it displaces, and AWSCURRENT moves from the
// version that was followed. The displaced key goes on working until the next rotation needs its place: IAM allows two. A
// first commit, and undo's tombstone, have no version to follow: PutSecretValue alone decides them.
//
// Keys are spoken for by their ids. The secret speaks for those in the current value, in the tag of the previous key, in the
// version that has AWSPENDING, in the one of a rotation that may still be finished, and, for the lease of a key, in the version
// that was staged for a move. A version that cannot be read speaks for every key. What is not spoken for goes once it is
// forsaken: inactive, past its lease, or made before the current version was written.
//
// An Update with a higher KeySerial makes these calls after the bucket is equipped. What is not in the value was not done:
//
//	call                                            left behind                   cleaned up by
//	DescribeStacks: not a rollback; GetSecretValue, nothing                       –
//	  ListAccessKeys, ListObjectsV2 by the key
//	  that is in use
//	DescribeSecret, GetSecretValue of versions; the one key fewer: the previous   –
//	  proof of the key in use, GetAccessKeyLastUsed,  one, whose time was over
//	  DeleteAccessKey: room for a third key
//	CreateAccessKey, the proof                      a key that nobody knows       again: waits for it, or the sweep
//	                                                                                removes it
//	TagResource: the previous key and the format    the same; the tag names the   again
//	                                                  key that is in use
//	PutSecretValue under a label of its own         the same, and a version that  again: the label moves to the
//	                                                  has that label                next one
//	UpdateSecretVersionStage, and DescribeSecret    before it the same, after     again: keeps the key
//	  where its answer does not tell                  it a rotated set
//	ListAccessKeys, DeleteAccessKey: the sweep      keys of events that were      again, any Update, Delete
//	                                                  cut off
//	GetSecretValue of versions, ListAccessKeys,     the previous key, where       the same Update again, or another
//	  GetAccessKeyLastUsed, DeleteAccessKey of the    PreviousKey is Delete         that raises KeySerial
//	  previous key, where PreviousKey asks for that
//
// Where another event has moved AWSCURRENT meanwhile, the new key is deleted and all of it begins anew. Where nobody knows
// what became of the move, the key stays, and the next event finds out.
//
// A schedule is set after the commit. TagUser comes first: the user says into which secret its keys go. The checks of a step
// follow, then RotateSecret with RotateImmediately false, which is repeated while the right to invoke the function is late. An
// Update that ends or changes a schedule, a Delete and an undoing call CancelRotateSecret first. What is under way is given up then: the
// current value is written once more, so that no last step can move AWSCURRENT any more; UpdateSecretVersionStage takes
// AWSPENDING off, UntagResource the note, and DeleteAccessKey the key. A crash after any of them leaves what the same event
// finds again.
//
// Each step of a rotation begins with DescribeSecret, GetSecretValue, GetUser, GetBucketTagging, GetBucketPolicy and
// ListAccessKeys. They say whether the secret is rotated by this function, the token is that of the rotation under way, and the
// set is one resource's own: see admitRotation. Then:
//
//	step          call                                       left behind                    cleaned up by
//	createSecret  GetSecretValue; room as above              one key fewer                  –
//	              CreateAccessKey                            a key that nobody knows        the step again, or the sweep
//	              TagResource: token and followed version    the same, and the note         the step again
//	              PutSecretValue under the token             a key that AWSPENDING names    the next steps; whoever gives
//	                                                                                          the rotation up
//	              DescribeSecret: is it still rotated        the same                       the same
//	setSecret     nothing                                    the same                       the same
//	testSecret    GetSecretValue, the proof                  the same, and the probe        the next proof
//	finishSecret  GetSecretValue, the proof, ListAccessKeys  the same                       the step again
//	              TagResource: the previous key              the same; the tag names the    the step again
//	                                                           key that is in use
//	              UpdateSecretVersionStage                   a rotated set, and the note    the step again; the next one
//	              UpdateSecretVersionStage, UntagResource:   the same                       the same
//	                AWSPENDING and the note
//	              ListAccessKeys, DeleteAccessKey: the sweep keys of what was cut off       any Update, or rotation
//
// A step of a version that has become current succeeds, and clears what the rotation has left. A rotation that another commit has overtaken takes
// AWSPENDING off, deletes its key and fails, so that the next one begins clean. What Secrets Manager begins under another token goes
// on with the key of the one before, if that still follows the current version.
//
// What was changed by hand is in the way of nothing for ever. An AWSPENDING that was taken off, or that was left on a version
// with the key in use, is cleared by the next step, or by the Update that needs the room. Where AWSCURRENT was moved by hand, the key of the
// version that it was moved from is the previous key.
//
// # Where AWS lags
//
// AWS does not know at once what was made, changed or deleted, and what it says may be from
// before. An event has one patience, awscall.Patience, which all its calls share: rights may be
// late until 45 seconds after the event began, all else until two minutes after the event has
// last changed anything. The log says "began to wait" once for each thing. Two rules go before
// it:
//
//   - A creating call decides, no look does. It says whether a name is taken, and then the
//     name is looked at until AWS shows whose it is. In us-east-1 CreateBucket says yes in any
//     case, so there only the tags count (A8).
//   - What was written counts. A read afterwards can only detect a competitor. What an Update in
//     place changes is written, whatever the read shows.
//
// The secret is made first and removed last by undo, so that whatever else was made is never
// without it. Only names in doubt come before it: those of a Create that show as somebody else's,
// and a bucket that S3 hides. So a removal that finds no part of the set answers at once, and one that finds a
// part looks at all of it for two minutes, unless the last event that ensured it was long ago, or an earlier run of the event has
// looked.
// Where CloudFormation has made up the id, or Lambda may have delivered the event before, a
// removal looks as long for a set of which it finds nothing (A31).
//
// The laws are those of awsfake.Laws, each with its sources there: L1 a new bucket is not known,
// or not with its tags; L2 rights are late; L3 a right to a path is denied for a user who is not
// there; L4 a read is from before a write; L5 the status of the resource lags; L6 a bucket is
// elsewhere; L7 a name is taken and cannot be found; L8 what was deleted still counts; L17 what
// Secrets Manager does either way while a secret is rotated.
//
//	call                            | laws        | how it is met                                                                     | shown by
//	DescribeStackResource           | L5          | a status counts if it is younger than the event                                   | TestA17StatusCountsOnlyIfItIsNewer
//	DescribeStacks                  | L5          | asked when something was refused, and for what to do; repeated for four seconds   | TestRollbackIsNeverRefused
//	DescribeSecret                  | L2 L4       | repeated while refused; the whole set is looked at again                          | TestLaws
//	CreateSecret                    | L2 L4 L7    | repeated while refused, or while a deleted one has the name; then looked at       | TestLaws
//	RestoreSecret                   | L2          | repeated while refused                                                            | TestRow4EachCallIsRefused
//	TagResource                     | L2          | repeated while refused; writes what the Update changes                            | TestRow4EachCallIsRefused
//	UntagResource                   | L2          | the same                                                                          | TestRow4EachCallIsRefused
//	UpdateSecret                    | L2          | the same                                                                          | TestRow4EachCallIsRefused
//	GetSecretValue                  | L2 L4       | repeated while refused or not shown as restored; the commit is a compare-and-set  | TestLaws
//	PutSecretValue                  | L2 L17      | repeated while refused; after a conflict the new value is waited for              | TestLaws
//	UpdateSecretVersionStage        | L2 L17      | sent once; DescribeSecret decides, again while what it shows may be from before   | TestA5AnswerOfTheMoveDecidesNothing
//	RotateSecret                    | L2 L17      | repeated while refused, or while the function may not be invoked                  | TestR8LatePermission
//	CancelRotateSecret              | L2          | repeated while refused                                                            | TestR8OnChangedOff
//	DeleteSecret                    | L2          | repeated while refused                                                            | TestRow4EachCallIsRefused
//	GetUser                         | L2 L4       | repeated while refused; the creating call decides; the set is looked at again     | TestRow6EachCallOnAUser
//	CreateUser                      | L2 L7       | repeated while refused, and while the name is taken and not shown                 | TestLaws
//	ListAccessKeys                  | L2 L3 L4    | repeated until it shows the key to keep; while refused                            | TestRow6EachCallOnAUser
//	CreateAccessKey                 | L2 L3 L4    | repeated while refused or not found: nothing happened then                        | TestRow6NewUserIsNotKnown
//	DeleteAccessKey                 | L2 L3 L4    | repeated while refused, and for a young key while not found                       | TestRow6EachCallOnAUser
//	TagUser                         | L2 L3 L4    | repeated while refused or not found                                               | TestR8OnChangedOff
//	GetAccessKeyLastUsed            | L2          | not waited for: it is for the log alone                                           | TestR7LastUseIsNotKnown
//	DeleteUser                      | L2 L3 L4 L8 | GetUser tells whether the user is gone; repeated while it is not, or is young     | TestRow5UserIsGoneAtEachCall
//	GetBucketTagging                | L1 L2 L4 L6 | the creating call decides; no tags are doubted while the rest is ours, or new     | TestRow2EachLookShowsNoTags
//	ListBuckets                     | L1 L2 L4    | tells a refusal from a bucket of others; what it does not show is not believed    | TestRow49NameThatNobodyHasIsHidden
//	CreateBucket                    | L2 L6 L7    | repeated while refused, or aborted; then looked at                                | TestA8BucketThatAnotherResourceMadeAMomentAgo
//	PutBucketTagging                | L1 L2       | repeated while refused or not known; what was written counts                      | TestRow7AdoptionReadsAnOldTag
//	GetPublicAccessBlock            | L1 L2 L4    | repeated while refused or not known; never changes                                | TestRow3EachCallOnABucket
//	GetBucketEncryption             | L1 L2 L4    | the same; of a bucket that is adopted                                             | TestAdoptionIsRefusedInWords
//	GetBucketAbac                   | L1 L2 L4    | the same                                                                          | TestAdoptionIsRefusedInWords
//	PutPublicAccessBlock            | L1 L2       | repeated while refused or not known                                               | TestRow3EachCallOnABucket
//	GetBucketPolicy                 | L1 L2 L4    | the same; not believed where the Update changes it, or in a release               | TestRow7EachReadIsOld
//	PutBucketPolicy                 | L1 L2 L4    | the same, and while S3 does not know the user                                     | TestRow3EachCallOnABucket
//	DeleteBucketPolicy              | L1 L2       | repeated while refused or not known                                               | TestRow3EachCallOnABucket
//	GetBucketVersioning             | L1 L2 L4    | the same; not believed where the Update changes it                                | TestRow7EachReadIsOld
//	PutBucketVersioning             | L1 L2       | repeated while refused or not known                                               | TestRow3EachCallOnABucket
//	GetBucketLifecycleConfiguration | L1 L2 L4    | the same; not believed where the Update changes it, in a release, or an adoption  | TestRow7EachReadIsOld
//	PutBucketLifecycleConfiguration | L1 L2       | repeated while refused or not known                                               | TestRow3EachCallOnABucket
//	DeleteBucketLifecycle           | L1 L2       | the same                                                                          | TestRow3EachCallOnABucket
//	PutObject                       | L1 L2       | the same; by the new key while it, or the policy, is not known                    | TestRow3EachCallOnABucket
//	GetObject                       | L1          | by the new key alone: the same                                                    | TestProofWaitsForThePolicy
//	ListObjectsV2                   | L1          | the same                                                                          | TestRow3EachCallOnABucket
//	DeleteObject                    | L1 L2       | repeated while refused or not known                                               | TestRow3EachCallOnABucket
//	ListObjectVersions              | L1 L2       | the same; keys are decoded if the page says that they are encoded                 | TestRow41PlainListing
//	DeleteObjects                   | L1 L2       | the same                                                                          | TestRow3EachCallOnABucket
//	ListMultipartUploads            | L1 L2       | the same                                                                          | TestRow4EachCallIsRefused
//	AbortMultipartUpload            | L1 L2       | the same                                                                          | TestRow4EachCallIsRefused
//	DeleteBucket                    | L1 L2 L4 L8 | the same; emptied and tried again while S3 counts what was deleted                | TestRow1DeleteFindsABucketThatIsNotKnown
//
// # What an organization forbids
//
// An organization forbids calls by a policy, whatever they would set (L12). So where a call that sets something is
// refused because of others, AWS is asked what is there: what is so already counts, and the log says that it was
// left. The public access block and the versioning of a new bucket may come a moment later, as it is new or by
// others, and are looked for twenty seconds. Everything else but an object must show until no read can be from before
// another event. A rollback asks nothing: it leaves what it may not change. Every other refusal stands, and says what
// helps.
//
//	set                                   | asked for by
//	public access block, policy,          | the same reads as before writing them; a policy for a user who is
//	  versioning, rules, tags of a bucket |   new is not believed, since it may name an earlier one
//	folder marker                         | ListObjectVersions
//	KMS key and tags of a secret          | DescribeSecret
//	ownership of a bucket, by its header  | nothing: it is S3's default, so CreateBucket is tried without it
//
// A value, a key and the mark of a replaced bucket have no such look: what they stand for must be certain.
//
// A denial that says by which policy it is final is not waited for as a late right. That are those of an organization
// and of a VPC endpoint, and a Deny in the role's own policies. A Deny in the policy of a bucket may be from before
// that was changed (L4).
//
// # What is not promised
//
// The tests excuse these by their numbers and nothing else, and fail for a number that
// they do not use.
//
//   - N1. Two deliveries of one Create at the same time, of which one fails for reasons of
//     its own: once there is a secret, its undoing and the other's commit exclude each
//     other. So either the other fails as well, or the one answers FAILED for a whole
//     set, which the Delete that follows removes. A delivery that comes after a crash in
//     the middle of undoing fails, too, and undoes the rest.
//   - N2. An Update beside another of the same set, such as its rollback or an earlier one
//     that comes late: settings, folder markers, and the time of the last event are as the
//     later call of either left them, and so is the mark of a replaced set. Key and secret agree, and the next Update converges.
//   - N3. A Create that starts after its Delete, while CloudFormation cannot be asked, or says
//     that there is no such resource, as after a removal from the template: it makes a whole set.
//     If the Delete runs beside it, there is a whole set in the end, or none, or the secret
//     alone, whose key is gone. Deleting the resource again removes it.
//   - N4. A replacement that was cut off, or that failed after its commit, and from which
//     CloudFormation does not go back, since its rollback was disabled or given up, or in its
//     express mode: the new set stays, with its tags, until an Update back to the old names
//     removes it. So does the old set of a replacement whose clean-up failed three times, and a
//     set taken out of its template that could not be deleted: CloudFormation forgets it then, and
//     its key still works. The events of the stack name it. While either set of a replacement is
//     there, a Delete of the other releases its bucket and does not empty it.
//   - N5. A Delete right after an Update that moved the folder marker to another Prefix and
//     could neither be finished nor be taken back: the marker of the Prefix that the
//     event does not name counts as data. Nor does an Update after such a one, where rollback is
//     disabled, take that marker away.
//   - N6. A late Create beside a Create of other names, or a late replacement beside an Update
//     after CloudFormation has gone back from it by nothing but a Delete, if less than five
//     minutes lie between them: nothing that is left carries a later time, so its set may
//     be made, with tags that lead to it. The same goes for what CloudFormation sends
//     within two seconds, and for a duplicate of an event that was over in that time.
//   - N7. Events whose ResponseURL has no time, as those of some emulators: only the state of the
//     resource tells whether they are late. A late replacement may make its set.
//   - N8. A bucket that was released while another delivery wrote its policy or its lifecycle
//     rule: they stay. The statements name a user that is gone, or deny writing, and the next
//     Create replaces both.
//   - N9. A folder marker that was written to an adopted bucket stays, as does versioning
//     that was turned on: nobody can tell who wanted it. In the next life of the bucket such
//     a marker counts as data.
//   - N10. A released secret of another resource that a Create has restored and not yet
//     tagged when it died stays restored: tags cannot be set on a secret that is being
//     deleted. Its credentials are those of a key that is gone.
//   - N11. PreviousKey Delete in an Update of which CloudFormation does not say whether it is a rollback: the
//     previous key stays, and the log says so. The next Update that raises KeySerial asks again.
//   - N12. The probe of a delivery that was cut off beside another of the same event, or before an event that
//     proves no key, or of a step of a rotation that was cut off, may stay in the bucket until the next key is
//     proven, or the bucket is released or removed.
//   - N13. What somebody changes or takes away by hand stays so until the next Create or
//     Update of the resource. Until then a name that was taken away is free for others.
//   - N14. A key that a delivery made beside another of the same event, or of the same resource,
//     before it was cut off or gave up: where it is not half a minute older than the value that the
//     other wrote, or IAM did not list it yet, it stays until an event that comes eight minutes
//     later, or the Delete. Nobody has ever known its secret.
//   - N15. A part that has lost its tags stays as it is until somebody puts them back. A Delete that
//     was cut off after it removed the secret lets go of the part, with its key, when it is
//     repeated, and answers SUCCESS; so does the second attempt of a clean-up, a Delete that is
//     delivered twice, and one whose answer is not taken. A set of which all three parts are lost is
//     let go of at once.
//   - N16. The mark of a replaced set that an Update back may not take off, or that was left by an
//     earlier delivery of a replacement that is undone, stays until the next Update of the
//     resource, as does a secret of an earlier version without what it says of the bucket. Until
//     then a Delete releases the bucket, and does not empty it, while the other set is there.
//   - N17. A Delete with OnDelete DeleteIfEmpty fails where S3 denies it the look at its bucket, and
//     removes secret, keys and user all the same: whoever has the key may be the one who has seen to
//     the denial. Nothing else in the account changes.
//   - N18. What others forbid to change stays as it is: a setting that a rollback may not write, a marker
//     or probe that may be neither written nor deleted, and statements, rule and tags of ours in a bucket
//     that was let go of. The next Update that may write the settings sets them right. A marker or
//     probe of an earlier Prefix stays.
//   - N19. What is written into the next life of a bucket within twenty seconds after that has begun may be deleted by
//     a Delete that CloudFormation has given up, while that still empties the bucket; within two minutes after the Delete began to
//     empty it, where the new bucket has no tags. Nor does a Delete find a later event of the same resource that read the
//     tags of the bucket before its run was counted there.
package provision
