//! The socket in a sandbox: there for one attempt, and for who has its token.

use std::{fs, os::unix::fs::FileTypeExt as _, time::Duration};

use spear_proto::v1::{self, logs_client::LogsClient, secrets_client::SecretsClient};
use spear_types::{AgentKind, Grants, LimitRequest, Outcome};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use super::stage::{self, Stage};
use crate::harness::{Answer, eventually};

super::on! {
    [process, docker]:
    it_is_there_for_who_has_the_token_and_dead_after_the_run,
    it_is_the_programs_to_use,
    a_token_is_good_for_its_own_run_alone;
}

/// Says its token, then waits for a word.
const WAITS: &str = "echo $SPEAR_TOKEN > token.new; busybox mv token.new token; \
                     until [ -e go ]; do busybox usleep 10000; done; echo gone";

async fn write(channel: &Channel, token: Option<&str>) -> Answer<()> {
    let line =
        v1::LogsWriteRequest { level: v1::Level::Info.into(), message: "from outside".to_owned(), fields: vec![] };
    let mut request = Request::new(line);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    LogsClient::new(channel.clone()).write(request).await.map(drop)
}

/// The connection to a run's socket from outside, and its token.
async fn opened(folder: &std::path::Path) -> (Channel, String) {
    let token = async || fs::read_to_string(folder.join("work/token")).ok();
    let token = eventually("its token", token).await.trim_end().to_owned();
    let socket = folder.join("hostcalls/hostcalls.sock");
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    let channel = Endpoint::try_from(format!("unix:{}", socket.display())).unwrap().connect().await.unwrap();
    (channel, token)
}

async fn waits(stage: &Stage) {
    let limits = LimitRequest { timeout: Some(Duration::from_secs(300)), ..LimitRequest::default() };
    stage.script("waits", WAITS, limits).await;
}

async fn it_is_there_for_who_has_the_token_and_dead_after_the_run(stage: Stage) {
    waits(&stage).await;
    let outside = async {
        let folder = stage.only_folder().await;
        let (channel, token) = opened(&folder).await;
        for wrong in [None, Some(""), Some("x"), Some(&token[1..])] {
            let status = write(&channel, wrong).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status}");
        }
        write(&channel, Some(&token)).await.unwrap();
        fs::write(folder.join("work/go"), "").unwrap();
        (folder, channel, token)
    };
    let (invoked, (folder, channel, token)) = tokio::join!(stage.sms.api.invoke("waits", ""), outside);
    let invoked = invoked.unwrap();
    assert_eq!(invoked.text(), "gone\n");
    let log = stage.sms.api.log(&invoked.task).await;
    assert_eq!(log.messages(), ["from outside"]);
    write(&channel, Some(&token)).await.unwrap_err();
    assert!(!folder.exists());
}

async fn a_token_is_good_for_its_own_run_alone(stage: Stage) {
    waits(&stage).await;
    let outside = async {
        let folders = async || Some(stage.traces().folders()).filter(|folders| folders.len() == 2);
        let folders = eventually("two runs", folders).await;
        let (one, other) = (opened(&folders[0]).await, opened(&folders[1]).await);
        assert_ne!(one.1, other.1);
        write(&one.0, Some(&one.1)).await.unwrap();
        let status = write(&one.0, Some(&other.1)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status}");
        folders.iter().for_each(|folder| fs::write(folder.join("work/go"), "").unwrap());
    };
    let (one, other, ()) = tokio::join!(stage.sms.api.invoke("waits", ""), stage.sms.api.invoke("waits", ""), outside);
    assert_eq!((one.unwrap().text(), other.unwrap().text()), ("gone\n", "gone\n"));
}

async fn it_is_the_programs_to_use(stage: Stage) {
    // To connect to a socket is to write to it.
    let script = "socket=${SPEAR_HOSTCALLS#unix:}; [ -S $socket ] && [ -w $socket ] && echo \"${#SPEAR_TOKEN} $PWD\"";
    let text = stage.says(script).await;
    let length: usize = text.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{text:?}"));
    assert!(length >= 32, "{text}");
}

/// The program has it from a socket as everybody does; what it does with it then is what is looked at.
async fn says_its_secret(agent: AgentKind) {
    const SECRET: &str = "hush-94d1c0aa";
    let Some(stage) = stage::on(agent, &[("SPEAR_SECRET_API_KEY", SECRET)]).await else { return };
    let script = format!(
        "{WAITS}; echo it is $(busybox cat secret) >&2; \
         echo {{\\\"message\\\": \\\"it is $(busybox cat secret)\\\"}} > $SPEAR_REPLY; exit 1"
    );
    let grants = Grants { secrets: ["api-key".parse().unwrap()].into(), ..Grants::default() };
    let body = stage::implementation(agent, stage::shell(&script), None);
    let limits = LimitRequest { timeout: Some(Duration::from_secs(300)), ..LimitRequest::default() };
    stage.sms.api.deploy(&stage::function("tells", [body]).grants(grants).limits(limits)).await.unwrap();
    let outside = async {
        let folder = stage.only_folder().await;
        let (channel, token) = opened(&folder).await;
        let mut request = Request::new(v1::SecretsGetRequest { name: "api-key".to_owned() });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let answer = SecretsClient::new(channel).get(request).await.unwrap().into_inner();
        assert_eq!(answer.value, SECRET.as_bytes());
        fs::write(folder.join("work/secret"), &answer.value).unwrap();
        fs::write(folder.join("work/go"), "").unwrap();
    };
    let (invoked, ()) = tokio::join!(stage.sms.api.invoke("tells", ""), outside);
    let invoked = invoked.unwrap();
    let log = stage.sms.api.log(&invoked.task).await.messages().join("\n");
    assert!(log.starts_with("it is ") && !log.contains(SECRET), "{log}");
    let Outcome::Failed(failure) = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert!(failure.message.starts_with("it is ") && !failure.message.contains(SECRET), "{}", failure.message);
}

#[tokio::test]
async fn a_secret_that_a_process_has_read_stands_in_no_log() {
    says_its_secret(AgentKind::Process).await;
}

#[tokio::test]
async fn a_secret_that_a_container_has_read_stands_in_no_log() {
    says_its_secret(AgentKind::Docker).await;
}
