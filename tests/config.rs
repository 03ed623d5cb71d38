//! Where settings come from, and which one wins.

use std::fs;

use crate::harness::{Home, Ran, Sms};

#[tokio::test]
async fn what_is_dumped_can_be_given_back_and_is_the_same() {
    let home = Home::new().await;
    let file = home.path().join("in-force.toml");
    let mut first = home.spear(["--dump-config"]);
    first.envs([("SPEAR_SMS_LEASE", "11s"), ("SPEAR_MAXIMA_FUEL", "7"), ("SPEAR_SPEARLET_NAME", "n1")]);
    first.envs([("SPEAR_SMS_QUEUE", "17"), ("SPEAR_SPEARLET_LABELS", r#"{zone="a"}"#)]);
    let first = Ran::of(first).await.answer();
    for line in
        ["lease = \"11s\"", "fuel = 7", "name = \"n1\"", "queue = 17", "zone = \"a\"", "listen = \"127.0.0.1:50051\""]
    {
        assert!(first.contains(line), "{line} is not in\n{first}");
    }
    fs::write(&file, &first).unwrap();
    let second = home.run(["--config", file.to_str().unwrap(), "--dump-config"]).await.answer();
    assert_eq!(second, first);
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let home = Home::new().await;
    let listens = async |environment: Option<&str>, flags: &[&str]| {
        let mut command = home.spear(["--dump-config", "sms"]);
        command.args(flags).envs(environment.map(|value| ("SPEAR_SMS_LISTEN", value)));
        let dumped = Ran::of(command).await.answer();
        let sms = dumped.split("[sms]\n").nth(1).unwrap();
        sms.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap().trim_matches('"').to_owned()
    };
    assert_eq!(listens(None, &[]).await, "127.0.0.1:50051");
    let folder = home.path().join("config/spear");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[sms]\nlisten = \"127.0.0.1:1001\"\n").unwrap();
    assert_eq!(listens(None, &[]).await, "127.0.0.1:1001");
    assert_eq!(listens(Some("127.0.0.1:1002"), &[]).await, "127.0.0.1:1002");
    assert_eq!(listens(Some("127.0.0.1:1002"), &["--listen", "127.0.0.1:1003"]).await, "127.0.0.1:1003");
}

#[tokio::test]
async fn an_unknown_key_in_the_file_or_the_environment_is_an_error_that_names_it() {
    let home = Home::new().await;
    let file = home.path().join("config.toml");
    fs::write(&file, "[sms]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let ran = home.run(["--config", file.to_str().unwrap(), "sms"]).await;
    assert!(ran.code == 3 && ran.stderr.contains("unknown field") && ran.stderr.contains("lisen"), "{ran:?}");

    let mut command = home.spear(["node", "ls"]);
    command.env("SPEAR_CLIENT_SSM", "http://127.0.0.1:1");
    let ran = Ran::of(command).await;
    assert!(ran.code == 3 && ran.stderr.contains("unknown field") && ran.stderr.contains("ssm"), "{ran:?}");
}

#[tokio::test]
async fn a_fault_is_told_with_the_flag_or_the_variable_and_nothing_of_our_source() {
    let home = Home::new().await;
    let mut by_variable = home.spear(["node", "ls"]);
    by_variable.env("SPEAR_SPEARLET_CPU", "-1");
    let mut within = home.spear(["node", "ls"]);
    within.env("SPEAR_SPEARLET_LABELS", r#"{zone="a b"}"#);
    let by_flag = home.spear(["spearlet", "--memory", "12 parsecs"]);
    let by_label = home.spear(["spearlet", "--label", "zone=a b"]);
    let zero = home.spear(["spearlet", "--slots", "0"]);
    for (command, place) in [
        (by_variable, "SPEAR_SPEARLET_CPU: "),
        (within, "SPEAR_SPEARLET_LABELS (zone): "),
        (by_flag, "--memory: \"12 parsecs\" is no size: write it as in \"64MiB\" or \"4GiB\""),
        (by_label, "--label zone: "),
        (zero, "[spearlet] slots = 0: "),
    ] {
        let ran = Ran::of(command).await;
        assert!(ran.code == 3 && ran.stderr.starts_with("error: ") && ran.stderr.contains(place), "{ran:?}");
        assert!(!ran.stderr.contains(".rs:") && !ran.stderr.contains("Flags"), "{ran:?}");
    }
}

#[tokio::test]
async fn what_is_used_by_another_has_no_name_of_ours() {
    let sms = Sms::alone().await;
    let (address, data) = (sms.url.trim_start_matches("http://"), sms.home.path().join("other"));
    let args = ["sms", "--listen", address, "--data", data.to_str().unwrap()];
    let ran = sms.home.run(args).await;
    assert!(ran.code == 3 && ran.stderr.starts_with("error: cannot listen on "), "{ran:?}");
}

#[tokio::test]
async fn what_is_dumped_is_what_is_in_force() {
    let home = Home::new().await;
    let dumped = home.run(["--dump-config"]).await.answer();
    for line in
        ["queue_bytes = \"1GiB\"", "log_bytes = \"1GiB\"", "memory = \"64MiB\"", "cpu = ", "threads = ", "arch = "]
    {
        assert!(dumped.contains(line), "{line} is not in\n{dumped}");
    }
    let spearlet = dumped.split("[spearlet]\n").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(spearlet.contains("name = ") && spearlet.contains("memory = \""), "{spearlet}");
}

#[tokio::test]
async fn a_value_that_is_malformed_is_an_error_that_shows_it() {
    let home = Home::new().await;
    for (name, value) in [
        ("SPEAR_SMS_LISTEN", "nowhere"),
        ("SPEAR_SMS_LEASE", "-1s"),
        ("SPEAR_MAXIMA_MEMORY", "-1"),
        ("SPEAR_SPEARLET_SLOTS", "many"),
        ("SPEAR_SPEARLET_NAME", "no name"),
        ("SPEAR_SMS_QUEUE", "-1"),
        ("SPEAR_SMS_KEEP_FOR", "long"),
        ("SPEAR_SPEARLET_CPU", "-1"),
        ("SPEAR_SPEARLET_MEMORY", "much"),
        ("SPEAR_SPEARLET_LABELS", r#"{zone="a b"}"#),
    ] {
        let mut command = home.spear(["--dump-config"]);
        command.env(name, value);
        let ran = Ran::of(command).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{name}={value}: {ran:?}");
    }
}
